//! `multipart/form-data` (RFC 7578), as far as clients of Discord's use it.

use super::message::Upload;

/// One body's parts.
pub(super) struct Form {
    /// The part `payload_json`.
    pub(super) payload: Vec<u8>,
    /// The parts `files[n]`, with their `n`.
    pub(super) files: Vec<(usize, Upload)>,
}

/// Reads a body. `None`: it is not one.
pub(super) fn read(content_type: &str, body: &[u8]) -> Option<Form> {
    let boundary =
        content_type.strip_prefix("multipart/form-data")?.split_once("boundary=")?.1.trim_matches('"');
    let mut form = Form { payload: Vec::new(), files: Vec::new() };
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let mut rest = body.strip_prefix(&delimiter[2..])?;
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = find(part, &delimiter)?;
        let head = find(&part[..end], b"\r\n\r\n")?;
        add(&mut form, std::str::from_utf8(&part[..head]).ok()?, &part[head + 4..end])?;
        rest = &part[end + delimiter.len()..];
    }
    rest.starts_with(b"--").then_some(form)
}

fn add(form: &mut Form, head: &str, content: &[u8]) -> Option<()> {
    let name = parameter(head, "; name=\"")?;
    if name == "payload_json" {
        form.payload = content.to_vec();
        return Some(());
    }
    let index = name.strip_prefix("files[")?.strip_suffix(']')?.parse().ok()?;
    let upload = Upload { name: parameter(head, "; filename=\"")?.to_owned(), content: content.to_vec() };
    form.files.push((index, upload));
    Some(())
}

fn parameter<'a>(head: &'a str, start: &str) -> Option<&'a str> {
    head.split_once(start)?.1.split_once('"').map(|(value, _)| value)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
