//! The one form of tar that archives have: POSIX ustar, plain files, nothing that could differ from
//! one writing to the next. A header is read by writing it again: what comes out otherwise is refused,
//! so that links, folders, extensions and odd numbers never get as far as being understood.

/// What everything is counted in.
pub const BLOCK: u64 = 512;

/// The largest file that eleven octal digits can say.
pub const MAX_FILE: u64 = (1 << 33) - 1;

/// A file's header. None where ustar can't hold the name or the size.
pub fn header(name: &str, size: u64) -> Option<[u8; 512]> {
    let mut block = [0; 512];
    let (prefix, last) = divided(name)?;
    let size = (size <= MAX_FILE).then(|| format!("{size:011o}"))?;
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, last);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &size);
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    put(329, "0000000");
    put(337, "0000000");
    put(345, prefix);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    Some(block)
}

/// A header's name and size, if it is one that [`header`] makes.
pub fn read_header(block: &[u8; 512]) -> Option<(String, u64)> {
    let text = |from: usize, length: usize| {
        let field = &block[from..from + length];
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(length);
        std::str::from_utf8(&field[..end]).ok()
    };
    let (prefix, last) = (text(345, 155)?, text(0, 100)?);
    let name = match prefix {
        "" => last.to_owned(),
        prefix => format!("{prefix}/{last}"),
    };
    let size = u64::from_str_radix(text(124, 12)?, 8).ok()?;
    (header(&name, size)? == *block).then_some((name, size))
}

/// How many bytes fill the last block of a file.
pub fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

/// A name as its two fields: all in the second where it fits, else divided at the first `/` that
/// makes it fit.
fn divided(name: &str) -> Option<(&str, &str)> {
    if (1..=100).contains(&name.len()) {
        return Some(("", name));
    }
    let mut slashes = name.match_indices('/');
    slashes.find_map(|(at, _)| {
        let (prefix, last) = (&name[..at], &name[at + 1..]);
        (prefix.len() <= 155 && (1..=100).contains(&last.len())).then_some((prefix, last))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn headers_read_back_and_nothing_else_does() {
        let long = format!(
            "logs/access.events.v1/{}/tile/entries/x001/x234/067.p/255",
            "a".repeat(63)
        );
        for name in ["README.txt", &long] {
            let block = header(name, 1234).unwrap();
            assert_eq!(read_header(&block), Some((name.to_owned(), 1234)));
            for at in 0..512 {
                let mut other = block;
                other[at] ^= 1;
                assert_eq!(read_header(&other), None, "{name} at {at}");
            }
        }
        assert_eq!(header(&"a".repeat(101), 1), None);
        assert_eq!(header("", 1), None);
        assert_eq!(header("a", MAX_FILE + 1), None);
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }

    #[test]
    fn the_checksum_is_that_of_posix() {
        let block = header("a", 0).unwrap();
        let mut sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        sum -= block[148..156]
            .iter()
            .map(|byte| u32::from(*byte))
            .sum::<u32>();
        sum += 8 * u32::from(b' ');
        assert_eq!(&block[148..156], format!("{sum:06o}\0 ").as_bytes());
    }
}
