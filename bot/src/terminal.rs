//! `acgs run -- LINE`: one line from the terminal, with the same parser, the same authorisation and
//! the same audit trail as in chat.
//!
//! The asker is the `[[person]]` whose `cli` is the operating system's account. The card is printed
//! as text, in colours only on a terminal, or as JSON.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use commands::ids::{Account, Platform, RunId};
use commands::message::{Picture, Reply};
use commands::risk::{Requirement, Risk, Role};
use secrecy::ExposeSecret as _;
use store::{AuditDecision, AuditEntry, AuditOutcome, Conclusion, NewMessage, NewPlan, Store};

use crate::acting;
use crate::app::{self, App};
use crate::asked::Asker;
use crate::authorize::{Decision, Refusal};
use crate::chat::Chats;
use crate::config::Config;
use crate::performed::News;
use crate::progress::Progress;
use crate::{clock, report, run};

/// Refused, or not understood.
const REFUSED: u8 = 2;

/// Runs `line` and prints its card.
pub async fn run(config: Config, line: Vec<String>, json: bool) -> anyhow::Result<ExitCode> {
    let store = Store::open(config.store.0.expose_secret()).await?;
    clock::follow(&store).await?;
    let grammar = app::grammar(&config);
    let executors = app::executors(&config)?;
    let app = App::new(config, store, executors, grammar, Chats::default());
    let account = Account::new(Platform::Cli, os_account()?);
    let mut done = answer(&app, &account, line, json).await;
    let (plan, messages) = done.plan.take().unzip();
    let acts = plan.is_some();
    let conclusion = Conclusion {
        delivery: None,
        audit: vec![entry(&app, account, &done)],
        messages: messages.unwrap_or_default(),
        plan,
    };
    let recorded = app.store.conclude(conclusion, clock::now()).await;
    let reply = match &recorded {
        Ok(_) => done.reply.clone(),
        Err(_) if acts => report::refused_unrecorded(done.run),
        Err(_) => report::unrecorded(done.reply.clone()),
    };
    print(&app.redactor.reply(reply), json)?;
    app.store.close().await;
    recorded?;
    Ok(match (done.decision, done.news) {
        (AuditDecision::Allowed, News::Good) => ExitCode::SUCCESS,
        (AuditDecision::Allowed, News::Bad) => ExitCode::FAILURE,
        (AuditDecision::Refused { .. } | AuditDecision::Unparsed { .. }, _) => ExitCode::from(REFUSED),
    })
}

/// The account that the process runs as: the kernel's word, not the environment's.
fn os_account() -> anyhow::Result<String> {
    let uid = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(uid).context("the account database can't be read")?;
    Ok(user.with_context(|| format!("no account has the number {uid}"))?.name)
}

/// What one line came to.
struct Done {
    run: RunId,
    verb: &'static str,
    line: String,
    decision: AuditDecision,
    outcome: Option<AuditOutcome>,
    news: News,
    reply: Reply,
    /// What the running bot posts and looks after.
    plan: Option<(NewPlan, Vec<NewMessage>)>,
}

async fn answer(app: &Arc<App>, account: &Account, words: Vec<String>, json: bool) -> Done {
    let run = clock::new_run();
    // Before anything of it is quoted, since a quotation is cut.
    let safe: Vec<String> = words.iter().map(|word| app.redactor.text(word)).collect();
    let typed = report::quoted(&safe.join(" "));
    let ended = |decision, reply| Done {
        run,
        verb: "none",
        line: typed.clone(),
        decision,
        outcome: None,
        news: News::Bad,
        reply,
        plan: None,
    };
    let refused = |refusal: &Refusal| {
        ended(AuditDecision::Refused { reason: report::refusal_reason(refusal) }, report::refused(refusal))
    };
    let judge = |needs| app.authorize(account, None, needs);
    // Somebody unknown learns nothing of the grammar.
    if let Decision::Refused(refusal) = judge(Requirement { risk: Risk::Read, role: Role::Viewer }) {
        return refused(&refusal);
    }
    let intent = match app.grammar.parse_words(&words) {
        Ok(intent) => intent,
        Err(error) => {
            let error = app.grammar.parse_words(&safe).err().unwrap_or(error);
            return ended(
                AuditDecision::Unparsed { reason: report::parse_error(&error) },
                report::unparsed(&error),
            );
        }
    };
    let person = match judge(intent.needs()) {
        Decision::Refused(refusal) => return refused(&refusal),
        Decision::Allowed(person) => person,
    };
    let progress = Progress::printed(app, json);
    let asker = Asker { person, account, place: None };
    let mut plan = None;
    let work = async {
        let made = acting::answer(app, asker, &intent, run, Some(&progress)).await?;
        plan = made.plan.map(|plan| (plan, made.messages));
        Ok(made.performed)
    };
    let done = run::guarded(work, run).await;
    Done {
        plan,
        run,
        verb: intent.verb(),
        line: intent.to_string(),
        decision: AuditDecision::Allowed,
        outcome: Some(done.outcome),
        news: done.news,
        reply: report::with_run(done.reply, run),
    }
}

fn entry(app: &App, account: Account, done: &Done) -> AuditEntry {
    AuditEntry {
        run: done.run,
        person: app.config.people.find(&account).map(|person| person.name.clone()),
        account,
        place: None,
        verb: done.verb.to_owned(),
        line: app.redactor.text(&done.line),
        decision: run::without_secrets(app, done.decision.clone()),
        outcome: done.outcome,
        detail: serde_json::json!({}),
    }
}

/// The picture as a file of its own in the folder for temporary files, for this account alone.
fn kept(picture: &Picture) -> anyhow::Result<PathBuf> {
    let name = picture.name.trim_end_matches(".png");
    let mut file = tempfile::Builder::new()
        .prefix(&format!("acgs-{name}-"))
        .suffix(".png")
        .tempfile()
        .context("no file for the picture")?;
    file.write_all(&picture.png.0).context("the picture can't be written")?;
    let (_, path) = file.keep().context("the picture can't be kept")?;
    Ok(path)
}

fn print(reply: &Reply, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let picture = reply.picture.as_ref().map(kept).transpose()?;
    let text = if json {
        serde_json::to_string_pretty(&serde_json::json!({
            "card": reply.card,
            "file": reply.file,
            "picture": picture.as_ref().zip(reply.picture.as_ref()).map(|(path, picture)| {
                serde_json::json!({ "path": path.display().to_string(), "alt": picture.alt })
            }),
        }))?
    } else {
        report::text(reply, picture.as_deref(), out.is_terminal())
    };
    match writeln!(out, "{}", text.trim_end()) {
        // `acgs run -- audit | head` is no fault.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
