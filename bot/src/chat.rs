//! The chat platforms that this process is connected to: a closed set, so an enum and no trait.

use commands::ids::{Account, MessageRef, Platform, Room};
use commands::message::{Liveness, Outgoing, RateKey, Seen, SendError, Sent, Target};
use commands::quoted::Quoted;

use chat_discord::DiscordChat;
use chat_slack::SlackChat;
use chat_web::WebChat;

/// A channel to be made.
#[derive(Clone, Debug)]
pub struct NewChannel {
    /// Its name; at most 80 of a-z, 0-9, `-` and `_`.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Who is to be in it.
    pub people: Vec<Account>,
}

/// What a look at one of our messages finds.
#[derive(Debug)]
pub enum Look {
    /// It is there.
    Seen(Seen),
    /// It is not there any more.
    Gone,
    /// The platform keeps nothing that the bot was not told.
    Told,
}

/// One connected platform.
#[derive(Clone)]
pub enum Chat {
    /// Slack.
    Slack(SlackChat),
    /// Discord.
    Discord(DiscordChat),
    /// The built-in chat page.
    Web(WebChat),
}

impl Chat {
    /// Which one it is.
    #[must_use]
    pub const fn platform(&self) -> Platform {
        match self {
            Self::Slack(_) => Platform::Slack,
            Self::Discord(_) => Platform::Discord,
            Self::Web(_) => Platform::Web,
        }
    }

    /// The limits that sending `outgoing` counts against, each of which has to let it through.
    #[must_use]
    pub fn rate_keys(&self, outgoing: &Outgoing) -> Vec<RateKey> {
        match self {
            Self::Slack(slack) => slack.rate_keys(outgoing),
            Self::Discord(discord) => discord.rate_keys(outgoing),
            Self::Web(web) => vec![web.rate_key(outgoing)],
        }
    }

    /// Whether sending `outgoing` uses up something that its platform gives a few times only.
    #[must_use]
    pub fn is_scarce(&self, outgoing: &Outgoing) -> bool {
        match self {
            Self::Slack(_) => chat_slack::is_scarce(outgoing),
            Self::Discord(_) | Self::Web(_) => false,
        }
    }

    /// Posts or edits.
    pub async fn send(&self, outgoing: &Outgoing) -> Result<Sent, SendError> {
        match self {
            Self::Slack(slack) => slack.send(outgoing).await,
            Self::Discord(discord) => discord.send(outgoing).await,
            Self::Web(web) => web.send(outgoing).await,
        }
    }

    /// Makes a channel, or finds the one that an earlier try has made.
    ///
    /// # Errors
    /// [`SendError::Rejected`] where the platform will not let the bot make one.
    pub async fn open_channel(&self, channel: &NewChannel) -> Result<Room, SendError> {
        let NewChannel { name, topic, people } = channel;
        match self {
            Self::Slack(slack) => slack.open_channel(name, topic, people).await,
            Self::Discord(_) | Self::Web(_) => Err(has_none(self)),
        }
    }

    /// Makes the thread of one of our messages, or finds it. Returns its id.
    ///
    /// # Errors
    /// [`SendError::Rejected`] where the platform will not let the bot make one.
    pub async fn open_thread(&self, message: &MessageRef, name: &str) -> Result<String, SendError> {
        match self {
            Self::Discord(discord) => discord.open_thread(message, name).await,
            Self::Slack(_) | Self::Web(_) => Err(has_none(self)),
        }
    }

    /// What the platform shows of one of our messages now.
    pub async fn seen(&self, message: &MessageRef) -> Result<Look, SendError> {
        let seen = match self {
            Self::Slack(slack) => slack.seen(message).await,
            Self::Discord(discord) => discord.seen(message, &["✅", "⛔"]).await,
            // The page is this process's own, and forgets with it: what it was told is stored, every change.
            Self::Web(_) => return Ok(Look::Told),
        };
        Ok(seen?.map_or(Look::Gone, Look::Seen))
    }

    /// Anybody's message, as far as the platform lets us read it; `None` if it is not there any more, or not
    /// everybody's.
    pub async fn quoted(&self, message: &MessageRef) -> Result<Option<Quoted>, SendError> {
        match self {
            Self::Slack(slack) => slack.quoted(message).await,
            Self::Discord(discord) => discord.quoted(message).await,
            Self::Web(web) => Ok(web.quoted(message)),
        }
    }

    /// Whether events arrive.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        match self {
            Self::Slack(slack) => slack.liveness(),
            Self::Discord(discord) => discord.liveness(),
            Self::Web(web) => web.liveness(),
        }
    }
}

fn has_none(chat: &Chat) -> SendError {
    SendError::Rejected(format!("{} has no such thing", chat.platform()))
}

/// Every connected platform, at most one of a kind.
#[derive(Clone, Default)]
pub struct Chats(Vec<Chat>);

impl Chats {
    /// The connected platforms.
    #[must_use]
    pub const fn new(chats: Vec<Chat>) -> Self {
        Self(chats)
    }

    /// In the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Chat> {
        self.0.iter()
    }

    /// The one of `platform`.
    #[must_use]
    pub fn get(&self, platform: Platform) -> Option<&Chat> {
        self.0.iter().find(|chat| chat.platform() == platform)
    }

    /// Their platforms.
    #[must_use]
    pub fn platforms(&self) -> Vec<Platform> {
        self.0.iter().map(Chat::platform).collect()
    }
}

/// The platform that `target` is on.
#[must_use]
pub const fn platform_of(target: &Target) -> Platform {
    match target {
        Target::Answer(answer) => answer.place.room.platform,
        Target::Post(place) => place.room.platform,
        Target::Direct(account) => account.platform,
        Target::Edit { posted, answer } => match (posted, answer) {
            (commands::message::Posted::Message(message), _) => message.room.platform,
            (_, Some(answer)) => answer.place.room.platform,
            // Sent by a token that came with no answer: no adapter makes such a thing.
            (_, None) => Platform::Cli,
        },
    }
}
