//! Anybody's message, for a timeline: as a message command hands it over, or as Discord shows it.
//!
//! Without the message content intent Discord shows what others wrote only where it is handed over.

use commands::ids::MessageRef;
use commands::quoted::Quoted;
use serde_json::Value;

use crate::api::CallError;
use crate::inbound::{self, Written};
use crate::{Shared, snowflake};

const UNKNOWN_MESSAGE: u64 = 10_008;

/// Asks Discord for a message. `None` when it is not there any more, or is nobody's.
pub(crate) async fn quoted(shared: &Shared, message: &MessageRef) -> Result<Option<Quoted>, CallError> {
    let channel = message.room.id.as_str();
    let path = ["channels", channel, "messages", &message.id];
    let found: Value = match shared.api.get(&path, &[]).await {
        Err(CallError::Refused { code: UNKNOWN_MESSAGE, .. }) => return Ok(None),
        other => other?,
    };
    let (Some(written), Ok(channel)) = (inbound::written(&found), channel.parse()) else { return Ok(None) };
    let parent = shared.places.parent(&shared.api, channel).await;
    let guild = guild(shared, channel).await?;
    Ok(Some(written.quoted((channel, parent), guild)))
}

/// The server that a channel belongs to: the one of the configuration, or as Discord says.
async fn guild(shared: &Shared, channel: u64) -> Result<Option<u64>, CallError> {
    match shared.guild {
        Some(guild) => Ok(Some(guild)),
        None => {
            let channel: Value = shared.api.get(&["channels", &channel.to_string()], &[]).await?;
            Ok(snowflake::read(&channel["guild_id"]))
        }
    }
}

impl Written {
    /// With where it is.
    pub(crate) fn quoted(&self, (channel, parent): (u64, Option<u64>), guild: Option<u64>) -> Quoted {
        let guild = guild.map_or_else(|| "@me".to_owned(), |guild| guild.to_string());
        Quoted {
            message: inbound::message_ref(channel, self.id),
            place: inbound::place(channel, parent),
            author: inbound::account(self.author),
            author_name: self.author_name.clone(),
            at: snowflake::made_at(self.id),
            link: format!("https://discord.com/channels/{guild}/{channel}/{}", self.id),
            text: Some(self.content.clone()).filter(|text| !text.trim().is_empty()),
        }
    }
}
