//! Events that fit serenity's models.

use commands::message::ReactionChange;
use commands::quoted::MessageCommand;
use serenity::model::application::{
    ActionRowComponent, CommandData, CommandDataOption, CommandDataOptionValue, CommandInteraction,
    CommandType, ComponentInteraction, ComponentInteractionDataKind, Interaction as Model, ModalInteraction,
};
use serenity::model::channel::{ChannelType, GuildChannel, PartialChannel, ReactionType};
use serenity::model::event::Event;
use serenity::model::id::{ChannelId, GuildId, UserId};

use super::{Asked, Incoming, Interaction, Message, Reaction, Written};

pub(super) fn read(event: &Event) -> Option<Incoming> {
    match event {
        Event::Ready(event) => Some(Incoming::Ready {
            bot_user: event.ready.user.id.get(),
            guilds: event.ready.guilds.iter().map(|guild| guild.id.get()).collect(),
        }),
        Event::Resumed(_) => Some(Incoming::Resumed),
        Event::InteractionCreate(event) => interaction(&event.interaction).map(Incoming::Interaction),
        Event::MessageCreate(event) => Some(Incoming::Message(message(&event.message))),
        Event::ReactionAdd(event) => reaction(&event.reaction, ReactionChange::Added).map(Incoming::Reaction),
        Event::ReactionRemove(event) => {
            reaction(&event.reaction, ReactionChange::Removed).map(Incoming::Reaction)
        }
        Event::ReactionRemoveAll(event) => Some(Incoming::ReactionsCleared {
            channel: event.channel_id.get(),
            message: event.message_id.get(),
            emoji: None,
        }),
        Event::ReactionRemoveEmoji(event) => Some(Incoming::ReactionsCleared {
            channel: event.reaction.channel_id.get(),
            message: event.reaction.message_id.get(),
            emoji: Some(emoji(&event.reaction.emoji)?),
        }),
        other => channels(other),
    }
}

fn channels(event: &Event) -> Option<Incoming> {
    let known = match event {
        Event::GuildCreate(event) => {
            event.guild.channels.values().chain(&event.guild.threads).map(channel).collect()
        }
        Event::ChannelCreate(event) => vec![channel(&event.channel)],
        Event::ThreadCreate(event) => vec![channel(&event.thread)],
        Event::ThreadListSync(event) => event.threads.iter().map(channel).collect(),
        _ => return None,
    };
    Some(Incoming::Channels(known))
}

fn channel(channel: &GuildChannel) -> (u64, Option<u64>) {
    (channel.id.get(), parent(channel.kind, channel.parent_id))
}

/// A channel's parent is its category; only a thread's is a channel.
fn parent(kind: ChannelType, parent: Option<ChannelId>) -> Option<u64> {
    match kind {
        ChannelType::NewsThread | ChannelType::PublicThread | ChannelType::PrivateThread => {
            parent.map(ChannelId::get)
        }
        _ => None,
    }
}

/// serenity fills in user 1 where Discord named none.
fn person(id: UserId) -> Option<u64> {
    Some(id.get()).filter(|id| *id != 1)
}

fn interaction(model: &Model) -> Option<Interaction> {
    match model {
        Model::Command(model) => Some(command(model, asked_command(&model.data))),
        Model::Autocomplete(model) => {
            let typed = model.data.autocomplete().map(|option| option.value.to_owned()).unwrap_or_default();
            Some(command(model, Asked::Complete { typed }))
        }
        Model::Component(model) => Some(component(model)),
        Model::Modal(model) => Some(submitted(model)),
        // A ping never comes over the gateway.
        _ => None,
    }
}

fn command(model: &CommandInteraction, asked: Asked) -> Interaction {
    Interaction {
        id: model.id.get(),
        token: model.token.clone(),
        user: person(model.user.id),
        channel: model.channel_id.get(),
        parent: model.channel.as_ref().and_then(partial_parent),
        guild: model.guild_id.map(GuildId::get),
        asked,
    }
}

fn component(model: &ComponentInteraction) -> Interaction {
    let asked = match model.data.kind {
        ComponentInteractionDataKind::Button => {
            Asked::Click { value: model.data.custom_id.clone(), message: model.message.id.get() }
        }
        _ => Asked::Other,
    };
    Interaction {
        id: model.id.get(),
        token: model.token.clone(),
        user: person(model.user.id),
        channel: model.channel_id.get(),
        parent: model.channel.as_ref().and_then(partial_parent),
        guild: model.guild_id.map(GuildId::get),
        asked,
    }
}

fn submitted(model: &ModalInteraction) -> Interaction {
    let inputs = model.data.components.iter().flat_map(|row| &row.components);
    let answers = inputs.filter_map(|input| match input {
        ActionRowComponent::InputText(input) => Some((input.custom_id.clone(), input.value.clone()?)),
        _ => None,
    });
    Interaction {
        id: model.id.get(),
        token: model.token.clone(),
        user: person(model.user.id),
        channel: model.channel_id.get(),
        parent: model.channel.as_ref().and_then(partial_parent),
        guild: model.guild_id.map(GuildId::get),
        asked: Asked::Submit { value: model.data.custom_id.clone(), answers: answers.collect() },
    }
}

fn partial_parent(channel: &PartialChannel) -> Option<u64> {
    parent(channel.kind, channel.parent_id)
}

fn asked_command(data: &CommandData) -> Asked {
    if data.kind == CommandType::Message {
        return on_message(data).unwrap_or(Asked::Other);
    }
    let mut path = Vec::new();
    let mut level = data.options.as_slice();
    while let [CommandDataOption { name, value, .. }] = level {
        match value {
            CommandDataOptionValue::SubCommand(below) | CommandDataOptionValue::SubCommandGroup(below) => {
                path.push(name.clone());
                level = below;
            }
            _ => break,
        }
    }
    let options =
        level.iter().filter_map(|option| Some((option.name.clone(), text(&option.value)?))).collect();
    Asked::Command { path, options }
}

fn on_message(data: &CommandData) -> Option<Asked> {
    let command = MessageCommand::named(&data.name)?;
    let message = data.resolved.messages.get(&data.target_id?.to_message_id())?;
    let author = &message.author;
    let author_name = author.global_name.clone().unwrap_or_else(|| author.name.clone());
    let message = Written {
        id: message.id.get(),
        author: author.id.get(),
        author_name: Some(author_name),
        content: message.content.clone(),
    };
    Some(Asked::OnMessage { command, message })
}

fn text(value: &CommandDataOptionValue) -> Option<String> {
    match value {
        CommandDataOptionValue::String(text) => Some(text.clone()),
        CommandDataOptionValue::Integer(number) => Some(number.to_string()),
        CommandDataOptionValue::Number(number) => Some(number.to_string()),
        CommandDataOptionValue::Boolean(flag) => Some(flag.to_string()),
        // Kinds that we never register.
        _ => None,
    }
}

fn message(model: &serenity::model::channel::Message) -> Message {
    Message {
        id: model.id.get(),
        channel: model.channel_id.get(),
        author: model.author.id.get(),
        automatic: model.author.bot || model.webhook_id.is_some(),
        content: model.content.clone(),
    }
}

fn reaction(model: &serenity::model::channel::Reaction, change: ReactionChange) -> Option<Reaction> {
    Some(Reaction {
        channel: model.channel_id.get(),
        message: model.message_id.get(),
        user: model.user_id.and_then(person)?,
        by_bot: model.member.as_ref().is_some_and(|member| member.user.bot),
        author: model.message_author_id.map(UserId::get),
        emoji: emoji(&model.emoji)?,
        change,
    })
}

fn emoji(model: &ReactionType) -> Option<String> {
    match model {
        ReactionType::Unicode(emoji) => Some(emoji.clone()),
        ReactionType::Custom { id, name, .. } => {
            Some(super::custom_emoji(name.as_deref().unwrap_or_default(), id.get()))
        }
        _ => None,
    }
}
