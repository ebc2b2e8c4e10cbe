//! Every way in, every actor, every state of a plan: whose vote counts, as one table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use commands::approval::{Pressed, Quorum};
use commands::ids::{DeliveryId, Platform, Room};
use commands::message::{AnswerTo, ChatEvent, EventKind, ReactionChange};
use commands::plan::{Act, Digest, Step, Target as Acted};
use commands::risk::Risk;
use store::{Conclusion, NewPlan, Store};

use super::*;
use crate::chat::Chats;
use crate::config::Config;

const CONFIG: &str = r#"
[bot]
data_dir = "/tmp"
incident_channels = ["slack:C1", "discord:100", "web:incidents"]
[web]
[[service]]
name = "ac_service"
url = "http://127.0.0.1:1"
[[person]]
name = "Dee"
slack = "U0DEE"
discord = "14"
web = "dee"
cli = "dee"
roles = ["operator"]
[[person]]
name = "Dan"
slack = "U0DAN"
discord = "16"
web = "dan"
cli = "dan"
roles = ["operator"]
[[person]]
name = "Cy"
slack = "U0CY"
discord = "13"
web = "cy"
cli = "cy"
roles = ["viewer"]
[[person]]
name = "Bo"
slack = "U0BO"
discord = "12"
web = "bo"
cli = "bo"
roles = ["approver"]
[[person]]
name = "Eve"
slack = "U0EVE"
discord = "15"
web = "eve"
cli = "eve"
roles = ["approver"]
[[person]]
name = "Gone"
slack = "U0GONE"
discord = "17"
web = "gone"
cli = "gone"
roles = ["approver"]
disabled = true
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Slash,
    Mention,
    Button,
    ReactionAdded,
    ReactionRemoved,
    WebLine,
    WebButton,
    WebReaction,
    DiscordButton,
    DiscordReaction,
    OtherEmoji,
    SkinTone,
    OutsideButton,
}

const WAYS: [Way; 13] = [
    Way::Slash,
    Way::Mention,
    Way::Button,
    Way::ReactionAdded,
    Way::ReactionRemoved,
    Way::WebLine,
    Way::WebButton,
    Way::WebReaction,
    Way::DiscordButton,
    Way::DiscordReaction,
    Way::OtherEmoji,
    Way::SkinTone,
    Way::OutsideButton,
];

impl Way {
    const fn platform(self) -> Platform {
        match self {
            Self::WebLine | Self::WebButton | Self::WebReaction => Platform::Web,
            Self::DiscordButton | Self::DiscordReaction => Platform::Discord,
            Self::Slash
            | Self::Mention
            | Self::Button
            | Self::ReactionAdded
            | Self::ReactionRemoved
            | Self::OtherEmoji
            | Self::SkinTone
            | Self::OutsideButton => Platform::Slack,
        }
    }

    /// Whether it says yes to a plan at all, by whoever may.
    const fn approves(self) -> bool {
        match self {
            Self::Button
            | Self::ReactionAdded
            | Self::WebButton
            | Self::WebReaction
            | Self::DiscordButton
            | Self::DiscordReaction => true,
            Self::Slash
            | Self::Mention
            | Self::ReactionRemoved
            | Self::WebLine
            | Self::OtherEmoji
            | Self::SkinTone
            | Self::OutsideButton => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Unknown,
    Viewer,
    Requester,
    Operator,
    Approver,
    Disabled,
    Bot,
    OtherWorkspace,
    /// An approver whose vote by another platform's button stands already.
    VotedElsewhere,
}

const ACTORS: [Actor; 9] = [
    Actor::Unknown,
    Actor::Viewer,
    Actor::Requester,
    Actor::Operator,
    Actor::Approver,
    Actor::Disabled,
    Actor::Bot,
    Actor::OtherWorkspace,
    Actor::VotedElsewhere,
];

impl Actor {
    fn account(self, platform: Platform) -> Account {
        let (slack, discord, web) = match self {
            Self::Unknown => ("U0STRANGER", "99", "stranger"),
            Self::Viewer => ("U0CY", "13", "cy"),
            Self::Requester => ("U0DEE", "14", "dee"),
            Self::Operator => ("U0DAN", "16", "dan"),
            Self::Approver => ("U0BO", "12", "bo"),
            Self::Disabled => ("U0GONE", "17", "gone"),
            Self::Bot => ("U0BOT", "1", "acgs"),
            // The same display name there is another id: ids are a workspace's own.
            Self::OtherWorkspace => ("U9BO", "912", "bo@other"),
            Self::VotedElsewhere => ("U0EVE", "15", "eve"),
        };
        let id = match platform {
            Platform::Slack => slack,
            Platform::Discord => discord,
            Platform::Web | Platform::Cli => web,
        };
        Account::new(platform, id)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Fresh,
    Expired,
    Vetoed,
    Executed,
    /// The button's digest is not the stored plan's; for a reaction: on a copy of the message.
    Changed,
    /// Of another plan.
    AnothersPlan,
}

const STATES: [State; 6] =
    [State::Fresh, State::Expired, State::Vetoed, State::Executed, State::Changed, State::AnothersPlan];

struct Ground {
    app: Arc<App>,
    _folder: tempfile::TempDir,
    events: std::sync::atomic::AtomicU64,
}

fn room(platform: Platform) -> Room {
    match platform {
        Platform::Slack => Room::new(platform, "C1"),
        Platform::Discord => Room::new(platform, "100"),
        Platform::Web | Platform::Cli => Room::new(Platform::Web, "incidents"),
    }
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse("acgs.toml", CONFIG, &|_| None).unwrap();
        let store = Store::open(&format!("sqlite://{}/acgs.db", folder.path().display())).await.unwrap();
        let executors = crate::app::executors(&config).unwrap();
        let grammar = crate::app::grammar(&config);
        let app = App::new(config, store, executors, grammar, Chats::default());
        Self { app, _folder: folder, events: std::sync::atomic::AtomicU64::new(0) }
    }

    /// A critical plan of Dee's, asked for at `created`, whose message is posted on `platform`.
    async fn plan(&self, created: Timestamp, platform: Platform) -> StoredPlan {
        let run = clock::new_run();
        let plan = Plan {
            run,
            nonce: clock::new_nonce(),
            line: "restart ac_service".to_owned(),
            commands: vec!["restart ac_service".to_owned()],
            risk: Risk::Critical,
            requester: "Dee".to_owned(),
            incident: None,
            break_glass: None,
            created,
            engine: None,
            targets: vec![Acted::Named { name: run.to_string() }],
            steps: vec![Step {
                act: Act::StartContainer { name: "c".to_owned(), id: "a".repeat(64).parse().unwrap() },
                timeout_seconds: 1,
            }],
            proves: Vec::new(),
            effect: String::new(),
            forecast: Vec::new(),
            undo: String::new(),
        };
        let quorum = Quorum::of(Risk::Critical, false).unwrap();
        let place = Place::channel(room(platform));
        let new = NewPlan {
            plan,
            quorum,
            place: place.clone(),
            asked_from: Account::new(Platform::Slack, "U0DEE"),
        };
        let message = NewMessage {
            slot: plan_slot(run),
            lane: Lane::Answer,
            target: Target::Post(place.clone()),
            reply: report::plan::dry_run(&new.plan),
        };
        let conclusion = Conclusion { plan: Some(new), messages: vec![message], ..Conclusion::default() };
        self.app.store.conclude(conclusion, clock::now()).await.unwrap();
        let wanted =
            store::Wanted { platforms: &[platform], busy: &[], lease: Duration::from_secs(9), limit: 9 };
        for claimed in self.app.store.claim_messages(wanted, clock::now()).await.unwrap() {
            let message = MessageRef { room: place.room.clone(), id: claimed.slot.clone() };
            self.app.store.confirm(&claimed, Posted::Message(message), clock::now()).await.unwrap();
        }
        self.app.store.plan(run).await.unwrap().unwrap()
    }

    /// Hands an event in as an adapter does, and waits for everything that follows.
    async fn says(&self, account: Account, place: Place, kind: EventKind) {
        let number = self.events.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let event = ChatEvent {
            delivery: DeliveryId { platform: account.platform, id: format!("E{number}") },
            at: clock::now(),
            from: account,
            place,
            kind,
        };
        Arc::clone(&self.app).receive(event).await.unwrap();
        self.app.runs.close();
        self.app.runs.wait().await;
        self.app.runs.reopen();
    }

    /// Whether `actor`'s act by `way` on a plan in `state` is one vote more, or one less.
    async fn cell(&self, way: Way, actor: Actor, state: State) -> &'static str {
        let platform = way.platform();
        let now = clock::now();
        let created = if state == State::Expired {
            now - Duration::from_secs(601)
        } else {
            now - Duration::from_secs(5)
        };
        let stored = self.plan(created, platform).await;
        let run = stored.plan.run;
        let other = self.plan(created, platform).await;
        match state {
            State::Vetoed => {
                let why = Closed::Vetoed { by: "Eve".to_owned() };
                self.app.store.close_plan(run, why, now).await.unwrap();
            }
            State::Executed => self.begin(&stored).await,
            State::Fresh | State::Expired | State::Changed | State::AnothersPlan => {}
        }
        let said = async |person: &str| {
            let votes = self.app.store.votes(run).await.unwrap();
            votes.iter().filter(|vote| vote.person == person && vote.ballot == Ballot::Approve).count()
        };
        if actor == Actor::VotedElsewhere {
            let cast = Cast {
                run,
                person: "Eve".to_owned(),
                ballot: Ballot::Approve,
                way: store::Way::Button,
                at: now,
                said: true,
            };
            self.app.store.cast(cast).await.unwrap();
        }
        let all = async || self.app.store.votes(run).await.unwrap().len();
        let before = all().await;
        let account = actor.account(platform);
        let place = Place::channel(match way {
            Way::OutsideButton => Room::new(Platform::Slack, "C9ELSEWHERE"),
            _ => room(platform),
        });
        let answer = AnswerTo { place: place.clone(), asker: account.clone(), token: None };
        let digest = match state {
            State::Changed => Digest::of(b"another"),
            State::AnothersPlan => other.digest,
            State::Fresh | State::Expired | State::Vetoed | State::Executed => stored.digest,
        };
        let id = match state {
            State::Changed => "a copy of it".to_owned(),
            State::AnothersPlan => plan_slot(other.plan.run),
            State::Fresh | State::Expired | State::Vetoed | State::Executed => plan_slot(run),
        };
        let message = MessageRef { room: place.room.clone(), id };
        let reaction = |change, emoji: &str| EventKind::Reaction {
            change,
            emoji: emoji.to_owned(),
            message: message.clone(),
        };
        let line = |line: &str| EventKind::Command { line: line.to_owned(), answer: answer.clone() };
        let kind = match way {
            Way::Slash | Way::WebLine => line("approvals"),
            Way::Mention => line(&format!("vote approve {run}")),
            Way::Button | Way::WebButton | Way::DiscordButton | Way::OutsideButton => EventKind::Click {
                value: Pressed::on(Ballot::Approve, run, &digest).to_string(),
                message: message.clone(),
                answer: answer.clone(),
            },
            Way::ReactionAdded => reaction(ReactionChange::Added, "white_check_mark"),
            Way::ReactionRemoved => reaction(ReactionChange::Removed, "white_check_mark"),
            Way::WebReaction | Way::DiscordReaction => reaction(ReactionChange::Added, "✅"),
            Way::OtherEmoji => reaction(ReactionChange::Added, "heavy_check_mark"),
            Way::SkinTone => reaction(ReactionChange::Added, "white_check_mark::skin-tone-3"),
        };
        self.says(account, place, kind).await;
        let after = all().await;
        assert!(said("Eve").await <= 1 && said("Bo").await <= 1);
        let begun = self.app.store.run_record(run).await.unwrap().is_some();
        assert_eq!(begun, state == State::Executed, "one vote of two begins nothing");
        match after.cmp(&before) {
            std::cmp::Ordering::Greater => "counts",
            std::cmp::Ordering::Equal => "-",
            std::cmp::Ordering::Less => "takes back",
        }
    }

    async fn begin(&self, stored: &StoredPlan) {
        let begin = store::Begin {
            run: stored.plan.run,
            version: stored.version,
            locks: Vec::new(),
            approved_by: Vec::new(),
            before: Vec::new(),
            lease: Duration::from_secs(60),
            audit: closing_entry(stored, &Closed::Withdrawn),
            engine: None,
        };
        self.app.store.begin_run(begin, clock::now()).await.unwrap();
    }
}

#[tokio::test]
async fn whose_vote_counts_by_every_way_in_every_state() {
    let ground = Ground::new().await;
    let mut table = String::new();
    let mut cells: BTreeMap<(Way, Actor, State), &str> = BTreeMap::new();
    for way in WAYS {
        for actor in ACTORS {
            let mut row = format!("{:<16} {:<15}", format!("{way:?}"), format!("{actor:?}"));
            for state in STATES {
                let cell = ground.cell(way, actor, state).await;
                cells.insert((way, actor, state), cell);
                write!(row, " {state:?}={cell}").unwrap();
            }
            writeln!(table, "{row}").unwrap();
        }
    }
    println!("{table}");
    assert_eq!(cells.len(), WAYS.len() * ACTORS.len() * STATES.len(), "every cell was tried");
    for ((way, actor, state), cell) in cells {
        let may = actor == Actor::Approver && state == State::Fresh && way.approves();
        assert_eq!(cell, if may { "counts" } else { "-" }, "{way:?} {actor:?} {state:?}");
    }
}

#[tokio::test]
async fn every_vote_that_does_not_count_is_in_the_audit_trail_with_its_reason() {
    let ground = Ground::new().await;
    let stored = ground.plan(clock::now(), Platform::Slack).await;
    let place = Place::channel(room(Platform::Slack));
    let message = MessageRef { room: place.room.clone(), id: plan_slot(stored.plan.run) };
    for actor in [Actor::Unknown, Actor::Viewer, Actor::Requester, Actor::Operator, Actor::Disabled] {
        let kind = EventKind::Reaction {
            change: ReactionChange::Added,
            emoji: "white_check_mark".to_owned(),
            message: message.clone(),
        };
        ground.says(actor.account(Platform::Slack), place.clone(), kind).await;
    }
    let filter = store::AuditFilter { last: 9, person: None, run: Some(stored.plan.run) };
    let rows = ground.app.store.audit_rows(filter).await.unwrap();
    let reasons: Vec<_> = rows
        .iter()
        .map(|row| match &row.entry.decision {
            store::AuditDecision::Refused { reason } => reason.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "unknown account",
        "needs approver, has viewer",
        "one's own plan",
        "needs approver, has operator",
        "unknown account",
    ];
    assert_eq!(reasons, expected);
}
