//! Archives that somebody hands to `auditctl`.

use auditctl::{read_archive, write_archive};

use crate::lines;

/// The first line is `tar`, and the rest an archive; or it is `files <at> <bits>`, and the rest files, each a
/// line with its name and lines up to one that is a dot. What is accepted is written again the same, byte for
/// byte, and so is it with a byte changed, or that is refused.
pub fn check(data: &[u8]) {
    let ([first], rest) = lines::parts(data);
    let first = String::from_utf8_lossy(first);
    let words: Vec<&str> = first.split(' ').collect();
    match words[..] {
        ["tar"] => _ = reads_as_written(rest),
        ["files", at, bits] => {
            let files = files(rest);
            let Some(mut bytes) = write_archive(&files) else {
                return;
            };
            if let Some(read) = reads_as_written(&bytes) {
                assert_eq!(read, files);
            }
            let (Ok(at), Ok(bits)) = (at.parse::<usize>(), bits.parse::<u8>()) else {
                return;
            };
            let length = bytes.len();
            bytes[at % length] ^= bits;
            reads_as_written(&bytes);
        }
        _ => {}
    }
}

/// Of an archive that is accepted, what it has.
fn reads_as_written(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let files = read_archive(bytes)?;
    let again = write_archive(&files).expect("what was read can be written");
    assert!(again == bytes, "it is written otherwise than it was read");
    Some(files)
}

fn files(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    while let Some(name) = lines.next() {
        let name = String::from_utf8_lossy(name);
        let content = lines.by_ref().take_while(|line| *line != b".\n");
        let content = content.flatten().copied().collect();
        files.push((name.trim_end_matches('\n').to_owned(), content));
    }
    files
}
