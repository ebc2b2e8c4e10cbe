//! Forms: the first response to a command or a click, filled in and sent by a person
//! (interactions/receiving-and-responding, components/reference).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::DiscordServer;
use super::message::list;
use super::people::{AckOutcome, Deed};

/// A modal that somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modal {
    /// What it is called when it comes back.
    pub custom_id: String,
    /// What it says.
    pub title: String,
    inputs: Vec<Value>,
}

impl Modal {
    /// What stands in an input at first.
    ///
    /// # Panics
    /// Where there is no such input.
    #[must_use]
    pub fn initial(&self, name: &str) -> &str {
        self.input(name)["value"].as_str().unwrap_or_default()
    }

    fn input(&self, name: &str) -> &Value {
        let found = self.inputs.iter().find(|input| input["custom_id"] == name);
        found.unwrap_or_else(|| panic!("no input {name:?} in {self:?}"))
    }

    /// What is sent when it is filled in so.
    fn data(&self, answers: &[(&str, &str)]) -> Value {
        for (name, text) in answers {
            let most = self.input(name)["max_length"].as_u64().unwrap_or(4000);
            assert!(
                text.encode_utf16().count() as u64 <= most,
                "nobody can type more than {most} into {name}"
            );
        }
        let rows = self.inputs.iter().zip(1..).map(|(input, number)| {
            let name = input["custom_id"].as_str().unwrap_or_default();
            let given = answers.iter().find(|(other, _)| *other == name).map(|(_, text)| *text);
            let text = given.unwrap_or_else(|| self.initial(name));
            assert!(!text.is_empty() || input["required"] == false, "nobody can send it without {name}");
            json!({
                "type": 1, "id": 2 * number - 1,
                "components": [{"type": 4, "id": 2 * number, "custom_id": name, "value": text}],
            })
        });
        json!({"custom_id": self.custom_id, "components": rows.collect::<Vec<_>>()})
    }
}

impl DiscordServer {
    /// Its reader fills a modal in and sends it. What is not answered stays as it is.
    ///
    /// # Panics
    /// Where a person could not fill it in so.
    pub async fn submit(
        &self,
        user: u64,
        channel: u64,
        modal: &Modal,
        answers: &[(&str, &str)],
    ) -> AckOutcome {
        let deed = Deed { kind: 5, user, channel, data: modal.data(answers), message: None };
        self.done(deed).await
    }
}

/// A modal response's `data`. The error says what Discord would not take.
pub(super) fn read(data: &Value) -> Result<Modal, String> {
    let mut wrong = unknown(data, &["custom_id", "title", "components"]);
    for (part, most) in [("custom_id", 100), ("title", 45)] {
        within(&data[part], 1..=most, part, &mut wrong);
    }
    let rows: Vec<&Value> = list(&data["components"]).collect();
    if !(1..=5).contains(&rows.len()) {
        wrong.push(format!("{} rows", rows.len()));
    }
    let mut inputs = Vec::new();
    for row in rows {
        wrong.extend(unknown(row, &["type", "id", "components"]));
        let mut below = list(&row["components"]);
        let (Some(input), None, true) = (below.next(), below.next(), row["type"] == 1) else {
            wrong.push(format!("a row that is none, or not of one input: {row}"));
            continue;
        };
        wrong.extend(broken(input));
        inputs.push(input.clone());
    }
    let names: BTreeSet<_> = inputs.iter().map(|input| input["custom_id"].to_string()).collect();
    if names.len() != inputs.len() {
        wrong.push("a custom_id twice".to_owned());
    }
    let text = |part: &str| data[part].as_str().unwrap_or_default().to_owned();
    if wrong.is_empty() {
        Ok(Modal { custom_id: text("custom_id"), title: text("title"), inputs })
    } else {
        Err(format!("a modal: {}", wrong.join("; ")))
    }
}

fn broken(input: &Value) -> Vec<String> {
    let known = [
        "type",
        "id",
        "custom_id",
        "style",
        "label",
        "min_length",
        "max_length",
        "required",
        "value",
        "placeholder",
    ];
    let mut wrong = unknown(input, &known);
    if input["type"] != 4 || !matches!(input["style"].as_u64(), Some(1 | 2)) {
        wrong.push(format!("no text input: {input}"));
    }
    within(&input["custom_id"], 1..=100, "custom_id", &mut wrong);
    within(&input["label"], 1..=45, "label", &mut wrong);
    within(&input["placeholder"], 0..=100, "placeholder", &mut wrong);
    let most = input["max_length"].as_u64().unwrap_or(4000);
    if !(1..=4000).contains(&most) {
        wrong.push(format!("max_length {most}"));
    }
    within(&input["value"], 0..=usize::try_from(most).unwrap_or(4000), "value", &mut wrong);
    wrong
}

fn within(text: &Value, most: std::ops::RangeInclusive<usize>, of: &str, wrong: &mut Vec<String>) {
    let length = text.as_str().map_or(0, |text| text.encode_utf16().count());
    if !most.contains(&length) {
        wrong.push(format!("{of} of {length}"));
    }
}

fn unknown(object: &Value, known: &[&str]) -> Vec<String> {
    let names = object.as_object().into_iter().flatten().map(|(name, _)| name);
    names.filter(|name| !known.contains(&name.as_str())).map(|name| format!("unknown field {name}")).collect()
}
