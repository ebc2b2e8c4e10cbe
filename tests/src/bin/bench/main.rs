//! Measures the bot beside bare bots on the same SDKs, in one run on one machine.

fn main() {}
