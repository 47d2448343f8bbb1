//! Pictures as inline SVG, without style attributes: the style sheet colours them. Each can be read
//! without colour, by numbers and patterns.

use std::fmt::Write as _;

use super::latency::Line;
use super::tally::Amounts;

/// Width and height of an hour's cell, and where the cells begin.
const CELL: (usize, usize) = (30, 24);
const ORIGIN: (usize, usize) = (40, 22);

/// A week by hours, darker where there was more, with the numbers in it.
pub(super) fn heat(week: &[[u64; 24]; 7], weekdays: [&str; 7], title: &str) -> String {
    let most = week.iter().flatten().copied().max().unwrap_or(0).max(1);
    let (width, height) = (ORIGIN.0 + 24 * CELL.0 + 8, ORIGIN.1 + 7 * CELL.1 + 8);
    let mut svg = open(width, height, title);
    for hour in (0..24).step_by(3) {
        let x = ORIGIN.0 + hour * CELL.0 + 2;
        let _ = write!(svg, r#"<text class="axis" x="{x}" y="15">{hour:02}</text>"#);
    }
    for ((row, hours), weekday) in week.iter().enumerate().zip(weekdays) {
        let y = ORIGIN.1 + row * CELL.1;
        let _ = write!(
            svg,
            r#"<text class="axis" x="8" y="{}">{weekday}</text>"#,
            y + 16
        );
        for (column, count) in hours.iter().enumerate() {
            let x = ORIGIN.0 + column * CELL.0;
            let percent = 4 + 92 * count / most;
            let _ = write!(
                svg,
                r#"<rect class="cell" x="{x}" y="{y}" width="{}" height="{}" fill-opacity=".{percent:02}"/>"#,
                CELL.0 - 2,
                CELL.1 - 2
            );
            if *count > 0 {
                let class = if percent > 55 { "on" } else { "" };
                let (x, y) = (x + CELL.0 / 2 - 1, y + 16);
                let count = short(*count);
                let _ = write!(
                    svg,
                    r#"<text class="{class}" x="{x}" y="{y}" text-anchor="middle">{count}</text>"#
                );
            }
        }
    }
    svg + "</svg>"
}

/// Days as columns, each of what it came to.
pub(super) fn columns(days: &[(String, Amounts)], title: &str) -> String {
    const HEIGHT: u64 = 180;
    const LEFT: usize = 46;
    const WIDTH: usize = 760;
    let most = days.iter().map(|(_, amounts)| amounts.iter().sum::<u64>());
    let most = most.max().unwrap_or(0).max(1);
    let step = (WIDTH / days.len().max(1)).clamp(4, 60);
    let mut svg = open(LEFT + WIDTH + 10, 222, title);
    for part in [0, 1, 2] {
        let y = 190 - HEIGHT * part / 2;
        let value = short(most * part / 2);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{y}" y2="{y}"/><text class="axis" x="{}" y="{}" text-anchor="end">{value}</text>"#,
            LEFT + WIDTH,
            LEFT - 6,
            y + 4
        );
    }
    let every = (70 / step).max(1);
    for (number, (day, amounts)) in days.iter().enumerate() {
        let x = LEFT + number * step + 1;
        let mut bottom = 190;
        for (series, amount) in amounts.iter().enumerate() {
            let height = HEIGHT * amount / most;
            bottom -= height;
            if height > 0 {
                let width = (step - 2).min(40);
                let _ = write!(
                    svg,
                    r#"<rect class="s{series}" x="{x}" y="{bottom}" width="{width}" height="{height}"/>"#
                );
            }
        }
        if number % every == 0 {
            let _ = write!(svg, r#"<text class="axis" x="{x}" y="208">{day}</text>"#);
        }
    }
    svg + "</svg>"
}

/// How long answers took: of each column a bar up to the level of half of them, and a line on to that of 95 of a
/// hundred, beside the names of the levels.
pub(super) fn levels(lines: &[Line], names: &[String], title: &str) -> String {
    const LEFT: usize = 96;
    const WIDTH: usize = 720;
    const LEVEL: usize = 18;
    let bottom = 12 + names.len() * LEVEL;
    let y = |level: usize| bottom - level * LEVEL;
    let step = (WIDTH / lines.len().max(1)).clamp(4, 60);
    let mut svg = open(LEFT + WIDTH + 10, bottom + 22, title);
    for (level, name) in (1..).zip(names) {
        let at = y(level);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{at}" y2="{at}"/><text class="axis" x="{}" y="{}" text-anchor="end">{name}</text>"#,
            LEFT + WIDTH,
            LEFT - 6,
            at + 4
        );
    }
    let every = (70 / step).max(1);
    for (number, line) in lines.iter().enumerate() {
        let x = LEFT + number * step + 1;
        let width = (step - 2).min(40);
        if let Some((half, most)) = line.levels {
            let (middle, cap) = (x + width / 2, width / 4);
            let _ = write!(
                svg,
                r#"<rect class="s0" x="{x}" y="{}" width="{width}" height="{}"/><path class="whisker" d="M{middle} {}V{}M{} {}h{}"/>"#,
                y(half),
                half * LEVEL,
                y(half),
                y(most),
                middle - cap,
                y(most),
                2 * cap
            );
        }
        if number % every == 0 {
            let _ = write!(
                svg,
                r#"<text class="axis" x="{x}" y="{}">{}</text>"#,
                bottom + 16,
                line.name
            );
        }
    }
    svg + "</svg>"
}

/// Share of a whole, as the width of a bar in hundredths of a percent.
pub(super) fn share(part: u64, whole: u64) -> u64 {
    part.saturating_mul(10_000) / whole.max(1)
}

fn open(width: usize, height: usize, title: &str) -> String {
    format!(r#"<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">"#)
}

/// A number in few characters.
fn short(count: u64) -> String {
    match count {
        0..=9_999 => count.to_string(),
        10_000..=9_999_999 => format!("{}k", count / 1_000),
        _ => format!("{}M", count / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lang::Lang;
    use super::super::latency::Latency;
    use super::*;

    #[test]
    fn nothing_is_drawn_out_of_bounds() {
        let empty = heat(&[[0; 24]; 7], ["a"; 7], "t");
        assert_eq!(empty.matches("<rect").count(), 7 * 24);
        let mut week = [[0; 24]; 7];
        week[0][0] = u64::MAX / 1_000;
        assert!(heat(&week, ["a"; 7], "t").contains(r#"fill-opacity=".96""#));
        assert!(columns(&[], "t").ends_with("</svg>"));
        let one = columns(&[("d".to_owned(), [1, 0, 0, 1])], "t");
        assert_eq!(one.matches(r#"height="90""#).count(), 2);
        let names = ["a", "b"].map(str::to_owned);
        let line = |levels| Line {
            levels,
            ..Line::of(Lang::En, "00".to_owned(), &Latency::default())
        };
        let drawn = levels(&[line(Some((1, 2))), line(None)], &names, "t");
        assert!(
            drawn.contains(r#"y="30" width="40" height="18""#),
            "{drawn}"
        );
        assert!(drawn.contains("V12M"), "{drawn}");
        assert_eq!(drawn.matches("<rect").count(), 1);
        assert_eq!(
            (share(1, 0), share(1, 3), short(12_345)),
            (10_000, 3_333, "12k".to_owned())
        );
    }
}
