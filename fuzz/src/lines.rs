//! Inputs of several parts.

/// The first `N` lines of an input and what comes after them; parts that aren't there are empty.
pub(crate) fn parts<const N: usize>(data: &[u8]) -> ([&[u8]; N], &[u8]) {
    let mut rest = data;
    let lines = std::array::from_fn(|_| {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, after) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        rest = after;
        line
    });
    (lines, rest)
}
