//! How to make a container like another one. Pure: the Engine's own answers in, the body of a request out, so that
//! nothing is lost that the library's types do not know.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use crate::targets::{text, texts};

/// A container to be made.
pub struct Recipe {
    /// The body of the request.
    pub body: Value,
    /// Networks to attach it to before its start: older engines take only one when it is made.
    pub networks: Vec<(String, Value)>,
}

/// Networks that are none of Compose's: they take no aliases.
const BUILT_IN: [&str; 4] = ["default", "bridge", "host", "none"];

/// The same container again.
pub fn again(inspected: &Value) -> Recipe {
    let id = inspected["Id"].as_str().unwrap_or_default();
    let short = id.get(..12).unwrap_or(id);
    let mut config = inspected["Config"].as_object().cloned().unwrap_or_default();
    // The Engine makes the name up from the id, and the hardware's address is the network's.
    if config.get("Hostname").and_then(Value::as_str) == Some(short) {
        config.remove("Hostname");
    }
    config.remove("MacAddress");
    let mut host = inspected["HostConfig"].clone();
    keep_volumes(inspected, &mut host);
    let mode = text(&host["NetworkMode"]).unwrap_or_default();
    if mode.starts_with("container:") {
        config.remove("Hostname");
        config.remove("ExposedPorts");
    }
    let mut first = Map::new();
    let mut networks = Vec::new();
    if !mode.starts_with("container:") && !matches!(mode.as_str(), "host" | "none") {
        for (name, attached) in inspected["NetworkSettings"]["Networks"].as_object().into_iter().flatten() {
            if BUILT_IN.contains(&name.as_str()) {
                continue;
            }
            let endpoint = endpoint(attached, short);
            if *name == mode || attached["NetworkID"].as_str() == Some(&mode) {
                first.insert(name.clone(), endpoint);
            } else {
                let id = text(&attached["NetworkID"]).unwrap_or_else(|| name.clone());
                networks.push((id, endpoint));
            }
        }
    }
    let mut body = Value::Object(config);
    body["HostConfig"] = host;
    body["NetworkingConfig"] = json!({ "EndpointsConfig": first });
    Recipe { body, networks }
}

/// What was asked for, without what the Engine gave: its address, and its id as an alias.
fn endpoint(attached: &Value, short: &str) -> Value {
    let aliases: Vec<String> =
        texts(&attached["Aliases"]).into_iter().filter(|alias| alias != short).collect();
    let mut endpoint = Map::new();
    for key in ["IPAMConfig", "Links", "DriverOpts"] {
        if !attached[key].is_null() {
            endpoint.insert(key.to_owned(), attached[key].clone());
        }
    }
    endpoint.insert("Aliases".to_owned(), json!(aliases));
    Value::Object(endpoint)
}

/// Volumes without a name of their own would stay behind with the old container, and the new one would begin with
/// empty ones: they are asked for by name.
fn keep_volumes(inspected: &Value, host: &mut Value) {
    let mut binds = texts(&host["Binds"]);
    for mount in inspected["Mounts"].as_array().into_iter().flatten() {
        let (Some("volume"), Some(name), Some(path)) =
            (mount["Type"].as_str(), text(&mount["Name"]), text(&mount["Destination"]))
        else {
            continue;
        };
        let asked = host["Mounts"].as_array_mut().into_iter().flatten();
        if let Some(asked) = asked.into_iter().find(|asked| asked["Target"].as_str() == Some(&path)) {
            asked["Source"] = json!(name);
            continue;
        }
        binds.retain(|bind| *bind != path);
        if !binds.iter().any(|bind| bind.split(':').nth(1) == Some(&path)) {
            let mode = if mount["RW"] == json!(false) { ":ro" } else { "" };
            binds.push(format!("{name}:{path}{mode}"));
        }
    }
    if !binds.is_empty() {
        host["Binds"] = json!(binds);
    }
}

impl Recipe {
    /// From another image: what the container has from its old image is left to the new one.
    pub fn take_image(&mut self, reference: &str, old: &Value) {
        let old = &old["Config"];
        for key in
            ["Cmd", "Entrypoint", "WorkingDir", "User", "Healthcheck", "StopSignal", "Shell", "OnBuild"]
        {
            if self.body[key] == old[key] {
                self.body[key] = Value::Null;
            }
        }
        for key in ["Labels", "ExposedPorts", "Volumes"] {
            if let (Some(own), Some(old)) = (self.body[key].as_object_mut(), old[key].as_object()) {
                own.retain(|name, value| old.get(name) != Some(value));
            }
        }
        if let (Some(own), Some(old)) = (self.body["Env"].as_array_mut(), old["Env"].as_array()) {
            own.retain(|pair| !old.contains(pair));
        }
        self.body["Image"] = json!(reference);
    }

    /// Sets variables, and leaves the others. A name that can't be one is given back.
    pub fn set(&mut self, variables: &[(String, SecretString)]) -> Result<(), String> {
        let mut pairs = texts(&self.body["Env"]);
        for (name, value) in variables {
            if name.is_empty() || name.contains(['=', '\0']) || value.expose_secret().contains('\0') {
                return Err(name.clone());
            }
            pairs.retain(|pair| pair.split('=').next() != Some(name));
            pairs.push(format!("{name}={}", value.expose_secret()));
        }
        self.body["Env"] = json!(pairs);
        Ok(())
    }

    /// Leaves the names by which the other one is found on its networks, and its fixed addresses; goes to other
    /// networks, if there are any.
    pub fn leave_names(&mut self, networks: &[&str]) {
        self.body["NetworkingConfig"] = Value::Null;
        let Some((first, rest)) = networks.split_first() else {
            self.networks.iter_mut().for_each(|(_, endpoint)| *endpoint = json!({}));
            return;
        };
        self.body["HostConfig"]["NetworkMode"] = json!(first);
        self.networks = rest.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    }

    /// Sets a label.
    pub fn label(&mut self, name: &str, value: &str) {
        if !self.body["Labels"].is_object() {
            self.body["Labels"] = json!({});
        }
        self.body["Labels"][name] = json!(value);
    }
}

#[cfg(test)]
mod tests;
