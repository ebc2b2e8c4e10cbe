use super::*;

#[test]
fn a_form_is_read_from_its_raw_bytes() {
    let body = Bytes::from_static(b"text=a%26b+%3Cc%3E%FF&user_id=U1&text2=%E2%82%AC");
    let value = parse(PayloadKind::Command, &body).unwrap();
    assert_eq!(value["text"], "a&b <c>\u{fffd}");
    assert_eq!(value["text2"], "€");
}

#[test]
fn a_click_is_the_json_in_the_form() {
    let body = Bytes::from_static(b"payload=%7B%22type%22%3A%22block_actions%22%7D");
    assert_eq!(parse(PayloadKind::Interaction, &body).unwrap()["type"], "block_actions");
    assert_eq!(parse(PayloadKind::Interaction, &Bytes::from_static(b"payload=x")), None);
    assert_eq!(parse(PayloadKind::Interaction, &Bytes::from_static(b"x=1")), None);
}
