//! What is not as it was when people voted.

use serde::{Deserialize, Serialize};

use super::Plan;

/// One field that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, as `targets[0].image_id`.
    pub path: String,
    /// As voted on; `None` if it was not there.
    pub before: Option<String>,
    /// As found; `None` if it is gone.
    pub now: Option<String>,
}

/// What `now` has that `before` had not, and the other way round, in the order of the fields.
#[must_use]
pub fn differences(before: &Plan, now: &Plan) -> Vec<Difference> {
    let value = |plan| serde_json::to_value(plan).expect("a plan has no map and no failing serializer");
    let mut found = Vec::new();
    compare(String::new(), Some(&value(before)), Some(&value(now)), &mut found);
    found
}

fn compare(
    path: String,
    before: Option<&serde_json::Value>,
    now: Option<&serde_json::Value>,
    found: &mut Vec<Difference>,
) {
    use serde_json::Value;
    match (before, now) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            for name in names {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(inner, one.get(name), other.get(name), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for at in 0..one.len().max(other.len()) {
                compare(format!("{path}[{at}]"), one.get(at), other.get(at), found);
            }
        }
        (before, now) if before == now => {}
        (before, now) => {
            let text = |value: Option<&Value>| {
                value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            };
            found.push(Difference { path, before: text(before), now: text(now) });
        }
    }
}
