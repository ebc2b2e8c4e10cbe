//! What two looks at a container must have in common for it to be as it was: a hash, for values are secrets.

use commands::workload::Fingerprint;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::DockerError;

/// Of one text, such as a variable's value.
pub fn of_text(text: &str) -> Result<Fingerprint, DockerError> {
    finish(&Sha256::new_with_prefix(text))
}

/// Of what a container is made from: its image, its configuration, and how it is attached to its networks.
/// What the Engine gives out anew at each start (addresses, endpoints) is left out.
pub fn of_configuration(inspected: &Value) -> Result<Fingerprint, DockerError> {
    let networks: Vec<Value> = inspected["NetworkSettings"]["Networks"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, attached)| {
            let mut aliases: Vec<_> = attached["Aliases"].as_array().cloned().unwrap_or_default();
            aliases.sort_by_key(ToString::to_string);
            let fixed = ["IPAMConfig", "Links", "DriverOpts", "NetworkID"].map(|key| attached[key].clone());
            json!([name, aliases, fixed])
        })
        .collect();
    let mut networks = networks;
    networks.sort_by_key(|network| network[0].to_string());
    let mut hasher = Sha256::new();
    feed(&mut hasher, &json!([inspected["Image"], inspected["Config"], inspected["HostConfig"], networks]));
    finish(&hasher)
}

/// Every value with its kind and length before it, keys in order: no two differ and hash alike.
fn feed(hasher: &mut Sha256, value: &Value) {
    let mut tagged = |kind: &[u8], length: usize| {
        hasher.update(kind);
        hasher.update(length.to_be_bytes());
    };
    match value {
        Value::Null => tagged(b"n", 0),
        Value::Bool(is) => tagged(b"b", usize::from(*is)),
        Value::Number(number) => {
            let text = number.to_string();
            tagged(b"d", text.len());
            hasher.update(text);
        }
        Value::String(text) => {
            tagged(b"s", text.len());
            hasher.update(text);
        }
        Value::Array(items) => {
            tagged(b"a", items.len());
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::Object(fields) => {
            tagged(b"o", fields.len());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            for (key, field) in fields {
                feed(hasher, &Value::String(key.clone()));
                feed(hasher, field);
            }
        }
    }
}

fn finish(hasher: &Sha256) -> Result<Fingerprint, DockerError> {
    let digest = hasher.clone().finalize();
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.parse().map_err(|_| DockerError::BadAnswer("a hash that is none".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_makes_no_difference_and_a_value_does() {
        let of = |text: &str| of_configuration(&serde_json::from_str(text).unwrap()).unwrap();
        let one = of(r#"{"Image": "i", "Config": {"Env": ["A=1"], "Cmd": null}, "HostConfig": {"Binds": []},
            "NetworkSettings": {"Networks": {"x": {"Aliases": ["a", "b"], "IPAddress": "10.0.0.2"}}}}"#);
        let same = of(
            r#"{"HostConfig": {"Binds": []}, "Config": {"Cmd": null, "Env": ["A=1"]}, "Image": "i",
            "NetworkSettings": {"Networks": {"x": {"IPAddress": "10.0.0.3", "Aliases": ["b", "a"]}}}, "State": {}}"#,
        );
        assert_eq!(one, same);
        for other in [
            r#"{"Image": "j", "Config": {"Env": ["A=1"], "Cmd": null}, "HostConfig": {"Binds": []}}"#,
            r#"{"Image": "i", "Config": {"Env": ["A=2"], "Cmd": null}, "HostConfig": {"Binds": []},
                "NetworkSettings": {"Networks": {"x": {"Aliases": ["a", "b"]}}}}"#,
            r#"{"Image": "i", "Config": {"Env": ["A=1"], "Cmd": null}, "HostConfig": {"Binds": []},
                "NetworkSettings": {"Networks": {"x": {"Aliases": ["a"]}}}}"#,
            "{}",
        ] {
            assert_ne!(one, of(other), "{other}");
        }
    }

    #[test]
    fn a_text_hashes_as_everywhere() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(of_text("").unwrap().as_str(), empty);
    }
}
