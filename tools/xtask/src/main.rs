//! Project commands: demo, test, bench.

fn main() {}
