//! Which channels are threads, and of what.
//!
//! Filled from the gateway's own events; a channel that none of them named is asked for once by REST.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::api::Api;
use crate::inbound;

/// More channels than any one server may have (500) and their threads (1,000); beyond it the map starts anew.
const KEPT: usize = 20_000;

/// Known channels and what they are threads of.
#[derive(Default)]
pub(crate) struct Places(Mutex<HashMap<u64, Option<u64>>>);

impl Places {
    /// Takes note of a channel's place.
    pub(crate) fn note(&self, channel: u64, parent: Option<u64>) {
        let mut known = self.0.lock().expect("no code panics while holding it");
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(channel, parent);
    }

    /// The channel that `channel` is a thread of. Where Discord does not answer, the channel stands for
    /// itself, which is never an incident channel that it isn't.
    pub(crate) async fn parent(&self, api: &Api, channel: u64) -> Option<u64> {
        let known = self.0.lock().expect("no code panics while holding it").get(&channel).copied();
        if let Some(parent) = known {
            return parent;
        }
        match api.get::<Value>(&["channels", &channel.to_string()], &[]).await {
            Ok(value) => {
                let parent = inbound::thread_parent(&value);
                self.note(channel, parent);
                parent
            }
            Err(error) => {
                tracing::warn!(channel, %error, "the parent of a channel is unknown");
                None
            }
        }
    }
}
