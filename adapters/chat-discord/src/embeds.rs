//! From a [`Card`] to embeds and buttons, within every limit of docs.discord.com (resources/message,
//! components/reference).
//!
//! Sections follow one another in the embeds' descriptions, since fields would come after all of them.
//! Long parts are spread over pieces. A card that still does not fit goes whole into a file, and the
//! message says so: nothing is ever cut without a word. Everything that Discord reads as markup has
//! passed `escape::discord` or stands in a code block behind `escape::discord_code`.

mod plain;

use commands::card::{Button, ButtonStyle, Card, Section, Tone};
use commands::escape;
use commands::ids::{Account, Platform};
use commands::message::{Picture, Reply, TextFile};
use serenity::builder::{CreateActionRow, CreateButton, CreateEmbed, CreateEmbedFooter};

const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FOOTER: usize = 2048;
/// All embeds of a message together.
const ALL_TEXT: usize = 6000;
const BUTTON_LABEL: usize = 80;
const BUTTON_VALUE: usize = 100;
/// People mentioned in one message: a rung of escalation has fewer, and Discord takes 100.
const MENTIONS: usize = 20;
const BUTTONS_IN_ROW: usize = 5;
const BUTTONS: usize = 25;
/// Raw text in one piece. Escaping at most doubles it.
const PIECE: usize = 900;
/// Kept for the notices, each of which is a short sentence of ours.
const NOTICES: usize = 400;
/// Of a card that is in a file as well, no more than this is shown: a screen of a phone or two.
const BEGINNING: usize = 2000;
/// What an embed on a desktop shows of a code block in one line.
const TABLE_WIDTH: usize = 56;
/// Characters of a picture's description (resources/message#attachment-object).
const ALT: usize = 1024;
/// Bytes in one file, below what Discord takes without a boost (10 MiB).
const FILE: usize = 8 * 1024 * 1024;

/// A message's shape on Discord.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// What stands above the embeds, since Discord reaches nobody by what stands in one; may be empty.
    pub(crate) mentions: String,
    /// Who may be reached by it.
    pub(crate) mentioned: Vec<u64>,
    /// At least one.
    pub(crate) embeds: Vec<CreateEmbed>,
    /// At most five rows of five buttons.
    pub(crate) rows: Vec<CreateActionRow>,
    /// What does not fit, and what the reply brought with it.
    pub(crate) files: Vec<Attached>,
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attached {
    /// A name that Discord leaves as it is.
    pub(crate) name: String,
    /// Not empty.
    pub(crate) content: Vec<u8>,
    /// What is to be seen in it, where it is a picture.
    pub(crate) alt: Option<String>,
}

/// A part of a description: escaped, and in one embed as a whole.
struct Piece {
    text: String,
    /// A blank line parts sections; lines of one section follow each other.
    starts_section: bool,
}

/// A card's pieces, and whether they are all of it.
#[derive(Default)]
struct Body {
    pieces: Vec<Piece>,
    is_whole: bool,
}

/// Shapes a reply.
pub(crate) fn render(reply: &Reply) -> Rendered {
    let card = &reply.card;
    let title = title(card);
    let footer = card.footer.as_deref().map(|footer| shortened(&escape::clean(footer), FOOTER));
    let footer = footer.filter(|footer| !footer.trim().is_empty());
    let around = length(&title) + footer.as_deref().map_or(0, length);
    let body = body(card);
    let room = ALL_TEXT.saturating_sub(around + NOTICES);
    let whole = if body.is_whole { packed(&body.pieces, room).ok() } else { None };
    let fits = whole.is_some();
    let mut descriptions = whole
        .unwrap_or_else(|| packed(&body.pieces, room.min(BEGINNING)).unwrap_or_else(|beginning| beginning));

    let mut notices = Vec::new();
    let mut files: Vec<Attached> = reply.file.iter().map(|file| attached(file, &mut notices)).collect();
    if !fits {
        let whole = TextFile { name: "answer.txt".to_owned(), content: plain::card(card) };
        let file = attached(&whole, &mut notices);
        notices.push(format!("This does not fit: the whole answer is in the file {}.", file.name));
        files.push(file);
    }
    append(&mut descriptions, &notices);
    let mut embeds = embeds(card.tone, title, descriptions, footer);
    if let Some(picture) = reply.picture.as_ref().map(pictured) {
        // In the last embed it stands below the text.
        if let Some(last) = embeds.pop() {
            embeds.push(last.attachment(picture.name.clone()));
        }
        files.push(picture);
    }
    let mentioned = mentioned(&reply.mentions);
    let mentions: Vec<String> = mentioned.iter().map(|user| format!("<@{user}>")).collect();
    Rendered { mentions: mentions.join(" "), mentioned, embeds, rows: rows(&card.buttons), files }
}

/// The one place where a message of ours mentions somebody: by ids out of the configuration.
fn mentioned(accounts: &[Account]) -> Vec<u64> {
    let ours = accounts.iter().filter(|account| account.platform == Platform::Discord);
    ours.filter_map(|account| account.id.parse().ok()).take(MENTIONS).collect()
}

fn pictured(picture: &Picture) -> Attached {
    Attached {
        name: named(&picture.name, "picture.png"),
        content: picture.png.0.clone(),
        alt: Some(shortened(&escape::clean(&picture.alt), ALT)),
    }
}

fn embeds(tone: Tone, title: String, descriptions: Vec<String>, footer: Option<String>) -> Vec<CreateEmbed> {
    let mut embeds: Vec<CreateEmbed> = descriptions
        .into_iter()
        .map(|description| CreateEmbed::new().colour(colour(tone)).description(description))
        .collect();
    if embeds.is_empty() {
        embeds.push(CreateEmbed::new().colour(colour(tone)));
    }
    let first = embeds.remove(0).title(title);
    embeds.insert(0, first);
    if let Some(footer) = footer
        && let Some(last) = embeds.pop()
    {
        embeds.push(last.footer(CreateEmbedFooter::new(footer)));
    }
    embeds
}

/// Discord's own palette of green, grey, yellow and red.
const fn colour(tone: Tone) -> u32 {
    match tone {
        Tone::Good => 0x0057_f287,
        Tone::Neutral => 0x0095_a5a6,
        Tone::Warning => 0x00fe_e75c,
        Tone::Bad => 0x00ed_4245,
    }
}

/// The title with a sign for the tone, so that the tone does not hang on a colour.
fn titled(card: &Card) -> String {
    let sign = match card.tone {
        Tone::Good => "✅ ",
        Tone::Neutral => "",
        Tone::Warning => "⚠️ ",
        Tone::Bad => "🔴 ",
    };
    format!("{sign}{}", one_line(&card.title))
}

fn title(card: &Card) -> String {
    let raw = titled(card);
    let title = escape::discord(&raw);
    // Half of the room: escaping at most doubles a text.
    let title = if length(&title) > TITLE { escape::discord(&shortened(&raw, TITLE / 2)) } else { title };
    // Discord takes no empty title, and an embed with nothing in it is an empty message.
    if title.trim().is_empty() { "…".to_owned() } else { title }
}

fn body(card: &Card) -> Body {
    let mut body = Body { pieces: Vec::new(), is_whole: true };
    if length(&escape::discord(&titled(card))) > TITLE {
        body.section(&one_line(&card.title), escape::discord);
    }
    for section in &card.sections {
        match section {
            Section::Text(text) => body.section(text, escape::discord),
            Section::Facts(facts) => body.facts(facts),
            Section::Table(table) => body.section(&table.to_text(TABLE_WIDTH), code_block),
            Section::Code(code) => body.section(code.trim_end_matches('\n'), code_block),
            Section::Next(lines) => {
                let lines = lines.iter().map(|line| one_line(&format!("/acgs {line}")));
                body.lines(lines, |line| format!("→ {}", inline_code(line)));
            }
        }
    }
    if card.footer.as_deref().is_some_and(|footer| length(&escape::clean(footer)) > FOOTER) {
        body.section(card.footer.as_deref().unwrap_or_default(), escape::discord);
    }
    let left_out = card.buttons.len() - pressable(&card.buttons).len();
    if left_out > 0 {
        body.section(&format!("{left_out} buttons can't be shown and are left out."), escape::discord);
    }
    body
}

impl Body {
    /// One paragraph, in as many pieces as it takes.
    fn section(&mut self, raw: &str, shape: fn(&str) -> String) {
        let mut starts_section = true;
        for chunk in self.chunks(raw) {
            self.push(shape(chunk), starts_section);
            starts_section = false;
        }
    }

    /// One section of lines.
    fn lines(&mut self, lines: impl Iterator<Item = String>, shape: impl Fn(&str) -> String) {
        let mut starts_section = true;
        for line in lines {
            for chunk in self.chunks(&line) {
                self.push(shape(chunk), starts_section);
                starts_section = false;
            }
        }
    }

    fn facts(&mut self, facts: &[(String, String)]) {
        let mut starts_section = true;
        for (label, value) in facts {
            let label = one_line(label);
            let mut heading = match self.chunks(&label).as_slice() {
                [] => String::new(),
                [label] => format!("**{}** ", escape::discord(label)),
                long => {
                    for label in long {
                        self.push(escape::discord(label), starts_section);
                        starts_section = false;
                    }
                    String::new()
                }
            };
            for value in self.chunks(value) {
                self.push(format!("{heading}{}", escape::discord(value)), starts_section);
                heading.clear();
                starts_section = false;
            }
            if !heading.is_empty() {
                self.push(heading, starts_section);
                starts_section = false;
            }
        }
    }

    fn push(&mut self, text: String, starts_section: bool) {
        if !text.trim().is_empty() {
            self.pieces.push(Piece { text, starts_section });
        }
    }

    /// A raw text in chunks of at most [`PIECE`]; of a text that can't fit only as much as could.
    fn chunks<'a>(&mut self, raw: &'a str) -> Vec<&'a str> {
        let mut rest = raw;
        if let Some((end, _)) = raw.char_indices().nth(ALL_TEXT) {
            self.is_whole = false;
            rest = &raw[..end];
        }
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(edge(rest));
            chunks.push(chunk.strip_suffix('\n').unwrap_or(chunk));
            rest = after;
        }
        chunks.retain(|chunk| !escape::clean(chunk).trim().is_empty());
        chunks
    }
}

/// Where to part a text so that the first part is at most [`PIECE`] long: after a line's end or a space,
/// where there is one that is not too near.
fn edge(text: &str) -> usize {
    let mut units = 0;
    let Some((end, _)) = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > PIECE
    }) else {
        return text.len();
    };
    let near = |at: &usize| *at > end / 4;
    let line = text[..end].rfind('\n').map(|at| at + 1).filter(near);
    line.or_else(|| text[..end].rfind(' ').map(|at| at + 1).filter(near)).unwrap_or(end)
}

/// The pieces joined into descriptions; the error is as many of them as fit into `room`.
fn packed(pieces: &[Piece], room: usize) -> Result<Vec<String>, Vec<String>> {
    let mut descriptions: Vec<String> = Vec::new();
    let mut left = room;
    for piece in pieces {
        let joint = if piece.starts_section { "\n\n" } else { "\n" };
        let needed = length(&piece.text) + joint.len();
        if needed > left {
            return Err(descriptions);
        }
        left -= needed;
        match descriptions.last_mut() {
            Some(last) if length(last) + needed + NOTICES <= DESCRIPTION => {
                last.push_str(joint);
                last.push_str(&piece.text);
            }
            _ => descriptions.push(piece.text.clone()),
        }
    }
    Ok(descriptions)
}

fn append(descriptions: &mut Vec<String>, notices: &[String]) {
    if notices.is_empty() {
        return;
    }
    let notices = escape::discord(&notices.join("\n"));
    match descriptions.last_mut() {
        Some(last) => {
            last.push_str("\n\n");
            last.push_str(&notices);
        }
        None => descriptions.push(notices),
    }
}

/// A file with a name and a size that Discord takes. What had to be left out of it is said in `notices`.
fn attached(file: &TextFile, notices: &mut Vec<String>) -> Attached {
    let name = named(&file.name, "output.txt");
    let mut content = file.content.clone();
    if content.len() > FILE {
        content.truncate(content.floor_char_boundary(FILE));
        notices.push(format!("The file {name} ends after 8 MiB of {} bytes.", file.content.len()));
    }
    // Discord takes no empty file.
    if content.is_empty() {
        content.push('\n');
    }
    Attached { name, content: content.into_bytes(), alt: None }
}

/// What is left of a file's name of all that Discord would change in it.
fn named(name: &str, otherwise: &str) -> String {
    let is_kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = name.chars().filter(is_kept).take(60).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

/// The buttons that Discord would take: a value of 1 to 100 characters, each value once, 25 in all.
fn pressable(buttons: &[Button]) -> Vec<&Button> {
    let mut taken: Vec<&Button> = Vec::new();
    for button in buttons {
        let fits = (1..=BUTTON_VALUE).contains(&length(&button.value)) && taken.len() < BUTTONS;
        if fits && taken.iter().all(|other| other.value != button.value) {
            taken.push(button);
        }
    }
    taken
}

fn rows(buttons: &[Button]) -> Vec<CreateActionRow> {
    pressable(buttons)
        .chunks(BUTTONS_IN_ROW)
        .map(|row| CreateActionRow::Buttons(row.iter().map(|button| create_button(button)).collect()))
        .collect()
}

fn create_button(button: &Button) -> CreateButton {
    let label = shortened(&one_line(&button.label), BUTTON_LABEL);
    let label = if label.is_empty() { "…".to_owned() } else { label };
    let style = match button.style {
        ButtonStyle::Plain => serenity::model::application::ButtonStyle::Secondary,
        ButtonStyle::Primary => serenity::model::application::ButtonStyle::Primary,
        ButtonStyle::Danger => serenity::model::application::ButtonStyle::Danger,
    };
    CreateButton::new(&button.value).label(label).style(style)
}

fn code_block(raw: &str) -> String {
    format!("```\n{}\n```", escape::discord_code(raw))
}

/// A backtick would end the code, so one that looks alike takes its place.
fn inline_code(raw: &str) -> String {
    format!("`{}`", raw.replace('`', "ˋ"))
}

fn one_line(raw: &str) -> String {
    escape::clean(raw).replace(['\n', '\t'], " ").trim().to_owned()
}

/// At most `limit` long, with an ellipsis for what is missing.
fn shortened(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut units = 0;
    let kept = text.chars().take_while(|c| {
        units += c.len_utf16();
        units < limit
    });
    kept.chain(std::iter::once('…')).collect()
}

/// As the strictest counts: in UTF-16.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests;
