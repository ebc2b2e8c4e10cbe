//! The Discord adapter against the local Discord, over real sockets: what a person does, what the bot is
//! told of it, and what the person sees.

mod session;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chat_discord::{DiscordChat, DiscordConfig, DiscordError};
use commands::card::{Button, ButtonStyle, Card, Tone};
use commands::ids::{Account, Place, Platform, Room};
use commands::message::{
    AnswerTo, ChatEvent, EventKind, Liveness, Outgoing, Posted, ReactionChange, Receipt, Reply, SendError,
    Target, TextFile, Visibility,
};
use e2e::discord::direct;
use e2e::discord::{
    APPLICATION, Ack, AckOutcome, BOT_TOKEN, BOT_USER, CHANNEL, DiscordOptions, DiscordServer, GUILD, LOUNGE,
    Message, Route, THREAD,
};
use e2e::wait::eventually;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const ALICE: u64 = 120_000_000_000_000_007;
const BOB: u64 = 120_000_000_000_000_008;
const SOON: Duration = Duration::from_secs(5);
/// serenity waits five seconds before a new session.
const NEW_SESSION: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "a test is an edge of its own")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// An adapter that serves, with a list of what it received.
struct Bot {
    chat: DiscordChat,
    events: Arc<Mutex<Vec<ChatEvent>>>,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), DiscordError>>,
}

/// What the store would say.
type Verdict = fn(&ChatEvent) -> Option<Receipt>;

fn accepted(event: &ChatEvent) -> Option<Receipt> {
    Some(match event.kind {
        EventKind::Command { .. } | EventKind::Click { .. } => Receipt::Accepted(Visibility::Public),
        EventKind::Reaction { .. } | EventKind::Quote { .. } => Receipt::Noted,
    })
}

fn connect(server: &DiscordServer, token: &str) -> DiscordChat {
    DiscordChat::new(config(server, token)).expect("a valid configuration")
}

fn config(server: &DiscordServer, token: &str) -> DiscordConfig {
    let services = ["auth_service", "ac_service"];
    DiscordConfig {
        api_url: server.api_url(),
        token: SecretString::from(token),
        application_id: APPLICATION,
        guild_id: Some(GUILD),
        rooms: vec![Room::new(Platform::Discord, CHANNEL.to_string())],
        tree: commands::grammar::Grammar::new(Vec::new()).tree().clone(),
        leave: None,
        complete: Arc::new(move |_, typed| {
            services.iter().filter(|name| name.starts_with(typed)).map(|name| (*name).to_owned()).collect()
        }),
        now,
    }
}

impl Bot {
    async fn start(server: &DiscordServer, verdict: Verdict) -> Self {
        let bot = Self::begin(server, None, verdict);
        server.wait_ready(SOON).await;
        bot
    }

    fn begin(server: &DiscordServer, since: Option<Timestamp>, verdict: Verdict) -> Self {
        Self::serve(connect(server, BOT_TOKEN), since, verdict)
    }

    fn serve(chat: DiscordChat, since: Option<Timestamp>, verdict: Verdict) -> Self {
        let events: Arc<Mutex<Vec<ChatEvent>>> = Arc::default();
        let (seen, serves, stop) = (Arc::clone(&events), chat.clone(), CancellationToken::new());
        let until = stop.clone();
        let serving = tokio::spawn(async move {
            let receive = move |event: ChatEvent| {
                let seen = Arc::clone(&seen);
                async move {
                    let is_repeat = {
                        let mut seen = seen.lock().expect("no panic while held");
                        let is_repeat = seen.iter().any(|other| other.delivery == event.delivery);
                        seen.push(event.clone());
                        is_repeat
                    };
                    if is_repeat { Some(Receipt::Repeat) } else { verdict(&event) }
                }
            };
            serves.serve(since, receive, until).await
        });
        Self { chat, events, stop, serving }
    }

    fn events(&self) -> Vec<ChatEvent> {
        self.events.lock().expect("no panic while held").clone()
    }

    async fn event(&self, what: &str, fits: impl Fn(&ChatEvent) -> bool) -> ChatEvent {
        eventually(SOON, what, async || self.events().into_iter().find(&fits)).await
    }

    async fn command_of(&self, interaction: u64) -> ChatEvent {
        self.event("the command", |event| event.delivery.id == interaction.to_string()).await
    }

    async fn command(&self, line: &str) -> ChatEvent {
        self.event(
            line,
            |event| matches!(&event.kind, EventKind::Command { line: typed, .. } if typed == line),
        )
        .await
    }

    async fn reaction(&self, change: ReactionChange, emoji: &str) -> ChatEvent {
        self.event(emoji, |event| {
            matches!(&event.kind, EventKind::Reaction { change: c, emoji: e, .. } if *c == change && e == emoji)
        })
        .await
    }

    async fn live(&self) {
        let live = async || (self.chat.liveness() == Liveness::Live).then_some(());
        eventually(SOON, "the gateway to be live", live).await;
    }

    /// Waits until it says that it is not, in words that begin so.
    async fn down(&self, words: &str) {
        let down = async || match self.chat.liveness() {
            Liveness::Down(why) => why.starts_with(words).then_some(()),
            Liveness::Live => None,
        };
        eventually(SOON, words, down).await;
    }

    async fn end(self) {
        let began = std::time::Instant::now();
        self.stop.cancel();
        let ended = tokio::time::timeout(SOON, self.serving).await.expect("serve ends");
        ended.expect("serve does not panic").expect("serve ends well");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(self.chat.liveness(), Liveness::Down("stopped".to_owned()));
    }
}

fn card(title: &str) -> Card {
    Card {
        title: title.to_owned(),
        tone: Tone::Good,
        sections: Vec::new(),
        buttons: Vec::new(),
        footer: None,
    }
}

fn outgoing(target: Target, title: &str) -> Outgoing {
    let reply = Reply {
        visibility: Visibility::Public,
        card: card(title),
        file: None,
        picture: None,
        mentions: Vec::new(),
    };
    Outgoing { slot: "run-1".to_owned(), target, reply, may_repeat: false }
}

fn answer_of(event: &ChatEvent) -> AnswerTo {
    match &event.kind {
        EventKind::Command { answer, .. } | EventKind::Click { answer, .. } => answer.clone(),
        EventKind::Reaction { .. } | EventKind::Quote { .. } => panic!("a reaction has no answer"),
    }
}

fn in_channel(channel: u64) -> Place {
    Place::channel(Room::new(Platform::Discord, channel.to_string()))
}

/// The bot posts a message for people to react to or click on.
async fn posted(server: &DiscordServer, bot: &Bot, title: &str, buttons: Vec<Button>) -> Message {
    let mut post = outgoing(Target::Post(in_channel(CHANNEL)), title);
    post.slot = title.to_owned();
    post.reply.card.buttons = buttons;
    bot.chat.send(&post).await.expect("posted");
    server.wait_message(|message| message.visible().contains(title), SOON).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_command_is_deferred_at_once_and_its_answer_takes_the_place() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    let outcome = server.slash(ALICE, CHANNEL, &["health"], &[("service", "auth_service")]).await;
    assert_eq!(outcome.ack(), &Ack::Deferred { ephemeral: false });
    assert!(outcome.latency() < Duration::from_secs(1), "{outcome:?}");

    let event = bot.command("health auth_service").await;
    assert_eq!(event.from, Account::new(Platform::Discord, ALICE.to_string()));
    assert_eq!(event.place, in_channel(CHANNEL));
    assert_eq!(event.delivery.id, outcome.interaction().to_string());
    let age = now().duration_since(event.at).as_secs();
    assert!((0..5).contains(&age), "{age} s old");

    let first =
        bot.chat.send(&outgoing(Target::Answer(answer_of(&event)), "All well")).await.expect("answered");
    let Posted::Message(message) = &first.posted else { panic!("a public answer has an id: {first:?}") };
    assert_eq!(message.room.id, CHANNEL.to_string());
    assert!(first.quota.is_some(), "the headers are read");
    let seen = server.wait_answer(outcome.interaction(), SOON).await;
    assert!(seen.visible().contains("All well"), "{}", seen.visible());

    let edit = Target::Edit { posted: first.posted.clone(), answer: Some(answer_of(&event)) };
    let second = bot.chat.send(&outgoing(edit, "Still well")).await.expect("edited");
    assert_eq!(second.posted, first.posted);
    let seen = server.wait_answer(outcome.interaction(), SOON).await;
    assert_eq!(seen.history.len(), 1);
    assert!(seen.visible().contains("Still well"), "{}", seen.visible());
    assert_eq!(bot.chat.liveness(), Liveness::Live);
    bot.end().await;
    assert_eq!(server.closed_with(), Some(1000));
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_for_the_asker_alone_and_what_is_not_stored_says_so() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let verdict: Verdict = |event| match &event.kind {
        EventKind::Command { line, .. } if line == "health" => Some(Receipt::Accepted(Visibility::Private)),
        EventKind::Command { line, .. } if line == "health auth_service" => panic!("a defect in the bot"),
        EventKind::Command { .. }
        | EventKind::Click { .. }
        | EventKind::Quote { .. }
        | EventKind::Reaction { .. } => None,
    };
    let bot = Bot::start(&server, verdict).await;
    let outcome = server.slash(BOB, CHANNEL, &["health"], &[]).await;
    assert!(outcome.ephemeral());
    let event = bot.command("health").await;
    let mut refusal = outgoing(Target::Answer(answer_of(&event)), "Not for you");
    refusal.reply.visibility = Visibility::Private;
    let sent = bot.chat.send(&refusal).await.expect("answered");
    assert_eq!(sent.posted, Posted::ByToken);
    assert!(server.wait_answer(outcome.interaction(), SOON).await.is_private);

    let lost = server.slash(BOB, CHANNEL, &["help"], &[]).await;
    assert!(lost.ephemeral());
    let seen = server.wait_answer(lost.interaction(), SOON).await;
    assert!(seen.visible().starts_with("Not recorded"), "{}", seen.visible());

    let panicked = server.slash(BOB, CHANNEL, &["health"], &[("service", "auth_service")]).await;
    let seen = server.wait_answer(panicked.interaction(), SOON).await;
    assert!(seen.is_private && seen.visible().starts_with("Not recorded"), "{}", seen.visible());

    server.mention(BOB, CHANNEL, "help");
    let told = server.wait_message(|message| message.interaction.is_none(), SOON).await;
    assert!(told.visible().starts_with("Not recorded"), "{}", told.visible());

    server.expire_token(outcome.interaction());
    let late = bot.chat.send(&refusal).await.expect_err("the channel is not private");
    assert!(matches!(late, SendError::Rejected(_)), "{late:?}");
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_ready_before_the_deferral_waits_for_it() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    // The deferral needs a second try, and the answer is sent in the meantime.
    server.status_next(Route::Callback, 1, 502);
    let asked = server.begin_slash(ALICE, CHANNEL, &["health"], &[]).expect("a session");
    let event = bot.command("health").await;
    let answer = outgoing(Target::Answer(answer_of(&event)), "Quick");
    let (sent, outcome) = tokio::join!(bot.chat.send(&answer), server.outcome(asked));
    sent.expect("answered by the token");
    let seen = server.wait_answer(outcome.interaction(), SOON).await;
    assert!(seen.visible().contains("Quick"));
    assert_eq!(server.calls(Route::Post), 0, "no fallback to the channel");
    bot.end().await;
    server.assert_clean();
}

/// A bot whose store is stuck until `disk` is cancelled.
fn stuck(server: &DiscordServer, disk: &CancellationToken, verdict: Verdict) -> Bot {
    let (chat, stop) = (connect(server, BOT_TOKEN), CancellationToken::new());
    let events: Arc<Mutex<Vec<ChatEvent>>> = Arc::default();
    let (serves, until, seen, disk) = (chat.clone(), stop.clone(), Arc::clone(&events), disk.clone());
    let serving = tokio::spawn(async move {
        let receive = move |event: ChatEvent| {
            let (seen, disk) = (Arc::clone(&seen), disk.clone());
            async move {
                seen.lock().expect("no panic while held").push(event.clone());
                disk.cancelled().await;
                verdict(&event)
            }
        };
        serves.serve(None, receive, until).await
    });
    Bot { chat, events, stop, serving }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_is_acknowledged_in_time_and_nobody_is_kept_waiting_for_ever() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let disk = CancellationToken::new();
    let verdict: Verdict = |event| match &event.kind {
        EventKind::Command { line, .. } if line == "help" => Some(Receipt::Noted),
        EventKind::Command { line, .. } if line.starts_with("health ") => Some(Receipt::Repeat),
        EventKind::Click { .. } => Some(Receipt::Noted),
        EventKind::Command { .. } | EventKind::Quote { .. } | EventKind::Reaction { .. } => None,
    };
    let bot = stuck(&server, &disk, verdict);
    server.wait_ready(SOON).await;
    let quiet = Button { label: "Quiet".to_owned(), value: "quiet".to_owned(), style: ButtonStyle::Primary };
    let card = posted(&server, &bot, "Press", vec![quiet]).await;
    let (lost, noted, repeat, answered, click) = tokio::join!(
        server.slash(ALICE, CHANNEL, &["health"], &[]),
        server.slash(ALICE, CHANNEL, &["help"], &[]),
        server.slash(ALICE, CHANNEL, &["health"], &[("service", "auth_service")]),
        server.slash(ALICE, CHANNEL, &["health"], &[("service", "ac_service")]),
        server.click(ALICE, &card, "quiet"),
    );
    for outcome in [&lost, &noted, &repeat, &answered, &click] {
        assert_eq!(outcome.ack(), &Ack::Deferred { ephemeral: true });
    }
    // The first delivery's answer is there before the second is known to be one.
    let event = bot.command("health ac_service").await;
    bot.chat.send(&outgoing(Target::Answer(answer_of(&event)), "All well")).await.expect("answered");
    server.wait_answer(answered.interaction(), SOON).await;
    disk.cancel();

    let seen = server.wait_answer(lost.interaction(), SOON).await;
    assert!(seen.visible().starts_with("Not recorded"), "{}", seen.visible());
    assert_eq!(server.wait_answer(noted.interaction(), SOON).await.visible(), "Noted.");
    let seen = server.wait_answer(repeat.interaction(), SOON).await;
    assert!(seen.visible().starts_with("This was taken up already"), "{}", seen.visible());
    eventually(SOON, "nobody to wait", async || server.unanswered().is_empty().then_some(())).await;
    // The answer, four notices or removals, and a look at each of the two repeats.
    eventually(SOON, "a look at the answer", async || (server.calls(Route::Original) == 7).then_some(()))
        .await;
    bot.end().await;
    let messages = server.messages();
    assert!(messages.iter().all(|message| message.interaction != Some(click.interaction())), "{messages:?}");
    assert!(messages.iter().any(|message| message.id == card.id), "the card with the button stays");
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_response_is_tried_when_discord_no_longer_takes_it() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let disk = CancellationToken::new();
    let bot = stuck(&server, &disk, accepted);
    server.wait_ready(SOON).await;
    server.status_next(Route::Callback, 100, 502);
    let late = server.slash(ALICE, CHANNEL, &["health"], &[]).await;
    assert!(matches!(late, AckOutcome::Late { .. }), "{late:?}");
    // From 2 s to 2.5 s after its arrival, ten times a second.
    assert!((1..=6).contains(&server.calls(Route::Callback)), "{}", server.calls(Route::Callback));
    disk.cancel();
    bot.end().await;
    server.forgive("deadline");
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_on_other_peoples_messages_are_none_of_the_bots() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    let message = posted(&server, &bot, "Vote", Vec::new()).await;
    let theirs = server.say(ALICE, CHANNEL, "anybody there?");
    server.react(BOB, theirs, "👋");
    server.react(BOB, message.id, "✅");
    bot.reaction(ReactionChange::Added, "✅").await;
    assert_eq!(bot.events().len(), 1, "reactions come in order: {:#?}", bot.events());
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_token_an_answer_goes_to_the_channel_and_its_edits_to_the_message() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    let outcome = server.slash(ALICE, THREAD, &["health"], &[]).await;
    let event = bot.command("health").await;
    assert_eq!(event.place.room.id, CHANNEL.to_string(), "the thread's parent");
    assert_eq!(event.place.thread, Some(THREAD.to_string()));
    server.expire_token(outcome.interaction());

    let sent = bot.chat.send(&outgoing(Target::Answer(answer_of(&event)), "Late")).await.expect("posted");
    let seen = server.wait_message(|message| message.visible().contains("Late"), SOON).await;
    assert_eq!((seen.channel, seen.interaction), (THREAD, None));
    let edit = Target::Edit { posted: sent.posted, answer: Some(answer_of(&event)) };
    bot.chat.send(&outgoing(edit, "Later")).await.expect("edited");
    let edited = server.wait_message(|message| message.visible().contains("Later"), SOON).await;
    assert_eq!(edited.id, seen.id);
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_somebody_deleted_is_posted_anew_once_whether_its_token_lives_or_not() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    for is_over in [false, true] {
        let outcome = server.slash(ALICE, THREAD, &["health"], &[]).await;
        let event = bot.command_of(outcome.interaction()).await;
        let first =
            bot.chat.send(&outgoing(Target::Answer(answer_of(&event)), "First")).await.expect("answered");
        let seen = server.wait_answer(outcome.interaction(), SOON).await;
        server.delete_message(seen.id);
        if is_over {
            server.expire_token(outcome.interaction());
        }
        let edit = Target::Edit { posted: first.posted, answer: Some(answer_of(&event)) };
        // The second time as after an answer that was lost.
        let again = bot.chat.send(&outgoing(edit.clone(), "Second")).await.expect("posted anew");
        let repeat = bot.chat.send(&outgoing(edit, "Second")).await.expect("the same message");
        assert_eq!(again.posted, repeat.posted);
        let seen = server.wait_message(|message| message.visible().contains("Second"), SOON).await;
        assert_eq!((seen.channel, seen.interaction), (THREAD, None));
    }
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_completed_and_clicks_and_reactions_arrive() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let verdict: Verdict = |event| match &event.kind {
        EventKind::Click { value, .. } if value == "quiet" => Some(Receipt::Noted),
        _ => accepted(event),
    };
    let bot = Bot::start(&server, verdict).await;
    let outcome = server.autocomplete(ALICE, CHANNEL, &["health"], ("service", "au")).await;
    assert_eq!(outcome.ack(), &Ack::Choices(vec!["auth_service".to_owned()]));

    let button = |value: &str| Button {
        label: value.to_owned(),
        value: value.to_owned(),
        style: ButtonStyle::Primary,
    };
    let message = posted(&server, &bot, "Press", vec![button("line health"), button("quiet")]).await;
    let click = server.click(BOB, &message, "line health").await;
    assert_eq!(click.ack(), &Ack::Deferred { ephemeral: false });
    assert_eq!(server.click(BOB, &message, "quiet").await.ack(), &Ack::DeferredUpdate);
    let event = bot.event("a click", |event| matches!(event.kind, EventKind::Click { .. })).await;
    let EventKind::Click { value, message: clicked, .. } = &event.kind else { panic!("a click") };
    assert_eq!((value.as_str(), &clicked.id), ("line health", &message.id.to_string()));
    bot.chat.send(&outgoing(Target::Answer(answer_of(&event)), "Pressed")).await.expect("answered");
    let answer = server.wait_answer(click.interaction(), SOON).await;
    assert_ne!(answer.id, message.id, "the card with the button stays");

    server.react(BOB, message.id, "✅");
    server.unreact(BOB, message.id, "✅");
    server.react(BOB, message.id, "approve:130000000000000001");
    bot.reaction(ReactionChange::Added, "approve:130000000000000001").await;
    let changes: Vec<_> = bot
        .events()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Reaction { change, emoji, .. } => Some((change, emoji)),
            EventKind::Command { .. } | EventKind::Click { .. } | EventKind::Quote { .. } => None,
        })
        .collect();
    assert_eq!(
        changes,
        [
            (ReactionChange::Added, "✅".to_owned()),
            (ReactionChange::Removed, "✅".to_owned()),
            (ReactionChange::Added, "approve:130000000000000001".to_owned()),
        ]
    );
    server.react(ALICE, message.id, "✅");
    bot.event("alice", |event| event.from.id == ALICE.to_string()).await;
    server.clear_reactions(message.id);
    bot.event("alice's withdrawal", |event| {
        event.from.id == ALICE.to_string()
            && matches!(event.kind, EventKind::Reaction { change: ReactionChange::Removed, .. })
    })
    .await;
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn mentions_are_heard_in_channels_and_threads_and_only_at_the_start() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    server.say(ALICE, CHANNEL, &format!("people say <@{BOT_USER}> is nice"));
    server.say(BOT_USER, CHANNEL, &format!("<@{BOT_USER}> help"));
    server.say(ALICE, CHANNEL, "nothing for the bot");
    server.say(ALICE, CHANNEL, &format!("<@!{BOT_USER}>   health auth_service "));
    server.mention(ALICE, THREAD, "help");
    server.mention(ALICE, LOUNGE, "help health");
    bot.command("health auth_service").await;
    let in_thread = bot.command("help").await;
    assert_eq!(in_thread.place.room.id, CHANNEL.to_string());
    assert_eq!(in_thread.place.thread, Some(THREAD.to_string()));
    assert_eq!(bot.command("help health").await.place, in_channel(LOUNGE));
    assert_eq!(bot.events().len(), 3, "{:#?}", bot.events());

    let mut answer = outgoing(Target::Answer(answer_of(&in_thread)), "Help");
    answer.reply.visibility = Visibility::Private;
    answer.reply.file = Some(TextFile { name: "all.txt".to_owned(), content: "x".repeat(100_000) });
    bot.chat.send(&answer).await.expect("said in public: there is no private way");
    let seen = server.wait_message(|message| message.channel == THREAD, SOON).await;
    assert_eq!(seen.files.len(), 1);
    assert_eq!(seen.files[0].content.len(), 100_000, "whole");
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_comes_twice_is_answered_once() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    server.duplicate_next();
    let outcome = server.slash(ALICE, CHANNEL, &["health"], &[]).await;
    eventually(SOON, "both deliveries", async || (bot.events().len() == 2).then_some(())).await;
    assert_eq!(bot.events()[0].delivery, bot.events()[1].delivery);
    let message = posted(&server, &bot, "React", Vec::new()).await;
    server.duplicate_next();
    server.react(BOB, message.id, "✅");
    eventually(SOON, "both reactions", async || (bot.events().len() == 4).then_some(())).await;
    assert_eq!(bot.events()[2].delivery, bot.events()[3].delivery);
    bot.end().await;
    server.leave_unanswered(outcome.interaction());
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_is_told_to_the_millisecond() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    let post = outgoing(Target::Post(in_channel(CHANNEL)), "One");
    for (millis, global) in [(120, false), (80, true)] {
        let retry_after = Duration::from_millis(millis);
        server.limit_next(Route::Post, 1, retry_after, global);
        let error = bot.chat.send(&post).await.expect_err("limited");
        let SendError::RateLimited { retry_after: told, limit } = error else { panic!("{error:?}") };
        let key = if global { "discord:global".to_owned() } else { format!("discord:post:{CHANNEL}") };
        assert_eq!((told, limit.key), (retry_after, key));
        tokio::time::sleep(retry_after).await;
    }
    let sent = bot.chat.send(&post).await.expect("posted");
    let quota = sent.quota.expect("the headers are read");
    assert_eq!(quota.remaining, 2, "of five, the refused calls counted");
    assert!(quota.reset_after <= Duration::from_secs(5));
    server.wait_message(|message| message.visible().contains("One"), SOON).await;
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_for_the_whole_bot_stops_every_call_but_those_of_interactions() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    server.limit_next(Route::Commands, 1, Duration::from_secs(60), true);
    let problems = bot.chat.check().await.expect("all but the commands").problems;
    assert!(problems.iter().any(|problem| problem.contains("rate limited")), "{problems:?}");
    let post = outgoing(Target::Post(in_channel(CHANNEL)), "Too early");
    let error = bot.chat.send(&post).await.expect_err("limited");
    assert!(
        matches!(&error, SendError::RateLimited { limit, .. } if limit.key == "discord:global"),
        "{error:?}"
    );
    assert_eq!(server.calls(Route::Post), 0);
    let outcome = server.slash(ALICE, CHANNEL, &["health"], &[]).await;
    let event = bot.command("health").await;
    bot.chat.send(&outgoing(Target::Answer(answer_of(&event)), "In time")).await.expect("exempt");
    server.wait_answer(outcome.interaction(), SOON).await;
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readings_at_once_stay_within_the_limit_of_the_whole_bot() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let chat = connect(&server, BOT_TOKEN);
    let checks = (0..8).map(|_| chat.check());
    for checked in futures_util::future::join_all(checks).await {
        assert_eq!(checked.expect("Discord answers").problems, [] as [&str; 0]);
    }
    assert!(server.calls(Route::Other) + server.calls(Route::Commands) > 50, "enough to overrun it");
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_whose_answer_is_lost_is_posted_once() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    server.answer_then_reset_next(Route::Post);
    let post = outgoing(Target::Post(in_channel(CHANNEL)), "Once");
    let error = bot.chat.send(&post).await.expect_err("the answer is lost");
    assert!(matches!(error, SendError::Unknown(_)), "{error:?}");
    let sent = bot.chat.send(&post).await.expect("the same message");
    let seen = server.wait_message(|message| message.visible().contains("Once"), SOON).await;
    let Posted::Message(message) = sent.posted else { panic!("a post has an id") };
    assert_eq!(message.id, seen.id.to_string());
    assert_eq!(server.messages().len(), 1);

    server.status_next(Route::Post, 1, 503);
    let error = bot.chat.send(&post).await.expect_err("an error page");
    assert!(matches!(error, SendError::Unknown(_)), "{error:?}");
    let nowhere = outgoing(Target::Post(in_channel(1)), "Nowhere");
    let error = bot.chat.send(&nowhere).await.expect_err("no such channel");
    assert_eq!(error, SendError::Rejected("404 Unknown Channel (code 10003)".to_owned()));
    bot.end().await;
    server.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_reaches_those_it_names_once_and_a_direct_message_one_alone() {
    let server = DiscordServer::start(DiscordOptions::default()).await;
    let bot = Bot::start(&server, accepted).await;
    let mut page = outgoing(Target::Post(in_channel(CHANNEL)), "Page for <@1> @everyone");
    page.reply.mentions = vec![
        Account::new(Platform::Slack, "U0BO"),
        Account::new(Platform::Discord, ALICE.to_string()),
        Account::new(Platform::Discord, "@everyone"),
    ];
    let sent = bot.chat.send(&page).await.expect("posted");
    let message = server.wait_message(|message| message.visible().contains("Page for"), SOON).await;
    assert_eq!(message.body["content"], format!("<@{ALICE}>"));
    assert_eq!(message.body["allowed_mentions"]["users"], serde_json::json!([ALICE.to_string()]));
    page.target = Target::Edit { posted: sent.posted, answer: None };
    page.reply.card = card("Acknowledged");
    bot.chat.send(&page).await.expect("edited");
    server.wait_message(|message| message.visible().contains("Acknowledged"), SOON).await;

    page.slot = "direct-1".to_owned();
    page.reply.card = card("For you");
    page.reply.mentions.clear();
    page.target = Target::Direct(Account::new(Platform::Discord, ALICE.to_string()));
    bot.chat.send(&page).await.expect("opened and posted");
    let message = server.wait_message(|message| message.visible().contains("For you"), SOON).await;
    assert_eq!(message.channel, direct(ALICE));
    server.refuse_direct(ALICE);
    page.slot = "direct-2".to_owned();
    let error = bot.chat.send(&page).await.expect_err("nobody is reached");
    assert!(matches!(&error, SendError::Rejected(why) if why.contains("50007")), "{error:?}");
    bot.end().await;
    server.assert_clean();
}
