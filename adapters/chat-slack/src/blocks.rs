//! From a [`Card`] to Block Kit, within every limit of docs.slack.dev/reference/block-kit.
//!
//! Long parts are spread over more blocks. A card that still does not fit goes whole into a file,
//! and the message says so: nothing is ever cut without a word. Everything that Slack reads as
//! markup passes through [`Markup`]; tables and code are rich text, in which nothing is markup.

mod plain;

use commands::card::{Button, ButtonStyle, Card, Section, Tone};
use commands::escape;
use commands::ids::{Account, Platform};
use commands::message::{Reply, TextFile};
use slack_morphism::prelude::{
    SlackActionBlockElement, SlackActionId, SlackActionsBlock, SlackBlock, SlackBlockButtonElement,
    SlackBlockButtonStyle, SlackBlockMarkDownText, SlackBlockPlainText, SlackContextBlock, SlackHeaderBlock,
    SlackRichTextBlock, SlackRichTextElement, SlackRichTextPreformatted, SlackSectionBlock,
};

/// Blocks in one message.
const BLOCKS: usize = 50;
/// A section's text, and for want of a documented limit a preformatted block's.
const SECTION: usize = 3000;
/// A context element's text; short of the section's limit, since it is small print.
const CONTEXT: usize = 2000;
/// What is longer than this before it is escaped is no small print.
const SMALL_PRINT: usize = 600;
const HEADER: usize = 150;
const BUTTON_LABEL: usize = 75;
const BUTTON_VALUE: usize = 2000;
/// People mentioned in one message: a rung of escalation has fewer.
const MENTIONS: usize = 20;
/// `<@U…>` with a space.
const MENTION: usize = 18;
const BUTTONS_IN_BLOCK: usize = 25;
const BUTTON_BLOCKS: usize = 2;
/// `msg_blocks_too_long` has no documented number. Slack's staff names 12,000 characters less
/// something for each block, and a message of 11,341 in many blocks was refused
/// (github.com/slackapi/bolt-js/issues/2509 and 2867): this stays well below.
const ALL_TEXT: usize = 9000;
/// What a block is taken to cost besides its text.
const BLOCK_COST: usize = 60;
/// `chat.update` refuses a `text` of more than 4,000.
const FALLBACK: usize = 3500;
/// What a desktop shows of preformatted text in one line.
const TABLE_WIDTH: usize = 76;

/// A message's shape on Slack.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// At most 50.
    pub(crate) blocks: Vec<SlackBlock>,
    /// For notifications and screen readers, at most 4,000 characters.
    pub(crate) text: String,
}

/// Text that Slack reads as `mrkdwn`. The only way to make one of a text is to escape it.
struct Markup(String);

impl Markup {
    fn text(raw: &str) -> Self {
        Self(escape::slack(raw))
    }

    fn bold(raw: &str) -> Self {
        let escaped = escape::slack(raw);
        // Slack shows the markers themselves where no word stands between them.
        if escaped.trim().is_empty() { Self(escaped) } else { Self(format!("*{}*", escaped.trim())) }
    }

    fn code(raw: &str) -> Self {
        // A backtick would end the code; `slack` replaces it by one that looks alike.
        Self(format!("`{}`", escape::slack(raw)))
    }

    fn object(self) -> SlackBlockMarkDownText {
        // Verbatim: addresses and channel names in a text stay text.
        SlackBlockMarkDownText::new(self.0).with_verbatim(true)
    }
}

/// The whole card in a file, if it does not fit into one message.
pub(crate) fn overflow(card: &Card) -> Option<TextFile> {
    let body = body(card);
    let fits = fitting(card, &body) == body.len();
    (!fits).then(|| TextFile { name: "answer.txt".to_owned(), content: plain::card(card) })
}

/// Shapes a reply. `notices` are our own words about this message: a repeat, a file.
pub(crate) fn render(reply: &Reply, notices: &[String]) -> Rendered {
    let card = &reply.card;
    let body = body(card);
    let fitting = fitting(card, &body);
    let mentions = mentions(&reply.mentions);
    let mut blocks = Vec::new();
    blocks.extend(header(card));
    blocks.extend(
        mentions.as_ref().and_then(|mentions| section(Markup(mentions.clone()))).map(|(_, block)| block),
    );
    blocks.extend(notices.first().and_then(|_| context(&shortened(&notices.join("\n"), SMALL_PRINT))));
    blocks.extend(body.into_iter().take(fitting).map(|(_, block)| block));
    blocks.extend(actions(&card.buttons));
    blocks.extend(small_print(card).and_then(context));
    let text = fallback(card, notices);
    Rendered { blocks, text: mentions.map_or(text.clone(), |mentions| format!("{mentions} {text}")) }
}

/// Those who are mentioned: of Slack, with an id that can be one.
pub(crate) fn mentioned(accounts: &[Account]) -> impl Iterator<Item = &Account> {
    let is_id = |id: &str| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    let ours =
        accounts.iter().filter(move |account| account.platform == Platform::Slack && is_id(&account.id));
    ours.take(MENTIONS)
}

/// The one place where a message of ours mentions somebody: by ids out of the configuration, in Slack's own letters.
fn mentions(accounts: &[Account]) -> Option<String> {
    let mentions: Vec<String> = mentioned(accounts).map(|account| format!("<@{}>", account.id)).collect();
    (!mentions.is_empty()).then(|| mentions.join(" "))
}

/// How many of the sections' blocks go into the message.
fn fitting(card: &Card, body: &[(usize, SlackBlock)]) -> usize {
    let labels = card.buttons.iter().map(|button| length(&button.label).min(BUTTON_LABEL));
    let labels: usize = labels.take(BUTTON_BLOCKS * BUTTONS_IN_BLOCK).sum();
    let rows = card.buttons.len().div_ceil(BUTTONS_IN_BLOCK).min(BUTTON_BLOCKS);
    // A header, mentions, a notice and a footer, whether they are there or not.
    let mut text = ALL_TEXT.saturating_sub(HEADER + MENTIONS * MENTION + 2 * SMALL_PRINT + labels);
    let room = BLOCKS - 4 - rows;
    let fits = |(length, _): &&(usize, SlackBlock)| {
        let cost = length + BLOCK_COST;
        let fits = cost <= text;
        text = text.saturating_sub(cost);
        fits
    };
    body.iter().take(room).take_while(fits).count()
}

/// The sections' blocks, each with the length of its text.
fn body(card: &Card) -> Vec<(usize, SlackBlock)> {
    let mut blocks = Vec::new();
    if length(&titled(card)) > HEADER {
        blocks.extend(marked(&card.title, Markup::bold));
    }
    for section in &card.sections {
        blocks.extend(section_blocks(section));
    }
    if small_print(card).is_none() {
        blocks.extend(marked(card.footer.as_deref().unwrap_or_default(), Markup::text));
    }
    let shown = card.buttons.iter().filter(|button| is_pressable(button)).count();
    let left_out = card.buttons.len() - shown.min(BUTTONS_IN_BLOCK * BUTTON_BLOCKS);
    if left_out > 0 {
        blocks.extend(marked(&format!("{left_out} buttons do not fit and are left out."), Markup::text));
    }
    blocks
}

fn section_blocks(section: &Section) -> Vec<(usize, SlackBlock)> {
    match section {
        Section::Text(text) => marked(text, Markup::text),
        Section::Facts(facts) => facts_blocks(facts),
        Section::Table(table) => preformatted(&table.to_text(TABLE_WIDTH)),
        Section::Code(code) => preformatted(code),
        Section::Next(lines) => lines_blocks(lines.iter().map(|line| {
            let pieces = split(&format!("/acgs {line}"), SECTION - 2, &|piece| Markup::code(piece).0);
            pieces.into_iter().map(|piece| format!("→ {piece}"))
        })),
    }
}

/// The footer, if it is short enough to be one.
fn small_print(card: &Card) -> Option<&str> {
    card.footer.as_deref().filter(|footer| length(footer) <= SMALL_PRINT)
}

fn facts_blocks(facts: &[(String, String)]) -> Vec<(usize, SlackBlock)> {
    lines_blocks(facts.iter().map(|(label, value)| {
        let bold = Markup::bold(label).0;
        let whole = format!("{bold}  {}", Markup::text(value).0);
        if length(&whole) <= SECTION {
            return vec![whole].into_iter();
        }
        let mut pieces = split(label, SECTION, &|piece| Markup::bold(piece).0);
        pieces.extend(split(value, SECTION, &|piece| Markup::text(piece).0));
        pieces.into_iter()
    }))
}

/// Sections of as many whole lines as fit.
fn lines_blocks<I>(lines: impl Iterator<Item = I>) -> Vec<(usize, SlackBlock)>
where
    I: Iterator<Item = String>,
{
    let mut texts: Vec<String> = Vec::new();
    for line in lines.flatten() {
        match texts.last_mut() {
            Some(text) if length(text) + 1 + length(&line) <= SECTION => {
                text.push('\n');
                text.push_str(&line);
            }
            _ => texts.push(line),
        }
    }
    texts.into_iter().filter_map(|text| section(Markup(text))).collect()
}

fn marked(raw: &str, markup: impl Fn(&str) -> Markup) -> Vec<(usize, SlackBlock)> {
    let pieces = split(raw, SECTION, &|piece| markup(piece).0);
    pieces.into_iter().filter_map(|piece| section(Markup(piece))).collect()
}

/// Slack refuses empty sections.
fn section(markup: Markup) -> Option<(usize, SlackBlock)> {
    if markup.0.trim().is_empty() {
        return None;
    }
    let length = length(&markup.0);
    Some((length, SlackSectionBlock::new().with_text(markup.object().into()).into()))
}

fn preformatted(raw: &str) -> Vec<(usize, SlackBlock)> {
    let pieces = split(raw.trim_end_matches('\n'), SECTION, &escape::clean);
    let pieces = pieces.into_iter().filter(|piece| !piece.trim().is_empty());
    let block = |piece: String| {
        let length = length(&piece);
        let text = SlackRichTextPreformatted::new(vec![piece.into()]);
        (length, SlackRichTextBlock::new(vec![SlackRichTextElement::Preformatted(text)]).into())
    };
    pieces.map(block).collect()
}

/// The title with a sign for the tone, so that the tone does not hang on a colour.
fn titled(card: &Card) -> String {
    let sign = match card.tone {
        Tone::Good => "✅ ",
        Tone::Neutral => "",
        Tone::Warning => "⚠️ ",
        Tone::Bad => "🔴 ",
    };
    let title = escape::clean(&card.title).replace(['\n', '\t'], " ");
    format!("{sign}{}", title.trim())
}

fn header(card: &Card) -> Option<SlackBlock> {
    let title = shortened(&titled(card), HEADER);
    let text = SlackBlockPlainText::new(title).with_emoji(false);
    (!text.text.trim().is_empty()).then(|| SlackHeaderBlock::new(text.into()).into())
}

fn context(raw: &str) -> Option<SlackBlock> {
    let pieces = split(raw, CONTEXT, &|piece| Markup::text(piece).0);
    let pieces = pieces.into_iter().filter(|piece| !piece.trim().is_empty());
    let elements: Vec<_> = pieces.map(|piece| Markup(piece).object().into()).collect();
    (!elements.is_empty()).then(|| SlackContextBlock::new(elements).into())
}

fn actions(buttons: &[Button]) -> Vec<SlackBlock> {
    let pressable: Vec<_> = buttons.iter().filter(|button| is_pressable(button)).enumerate().collect();
    let rows = pressable.chunks(BUTTONS_IN_BLOCK).take(BUTTON_BLOCKS);
    rows.map(|row| {
        let elements = row.iter().map(|(index, button)| button_element(*index, button)).collect();
        SlackActionsBlock::new(elements).into()
    })
    .collect()
}

fn is_pressable(button: &Button) -> bool {
    !button.value.is_empty() && length(&button.value) <= BUTTON_VALUE
}

fn button_element(index: usize, button: &Button) -> SlackActionBlockElement {
    let label = shortened(&escape::clean(&button.label), BUTTON_LABEL);
    let label = if label.trim().is_empty() { "…".to_owned() } else { label };
    let style = match button.style {
        ButtonStyle::Plain => None,
        ButtonStyle::Primary => Some(SlackBlockButtonStyle::Primary),
        ButtonStyle::Danger => Some(SlackBlockButtonStyle::Danger),
    };
    SlackBlockButtonElement::new(SlackBlockPlainText::new(label).with_emoji(false).into())
        // Unique within the message, as Slack wants it.
        .with_action_id(SlackActionId(format!("button-{index}")))
        .with_value(button.value.clone())
        .opt_style(style)
        .into()
}

/// The card's beginning, line by line, escaped.
fn fallback(card: &Card, notices: &[String]) -> String {
    let whole = format!("{}\n{}\n{}", titled(card), notices.join("\n"), plain::body(card));
    let mut text = String::new();
    for line in whole.lines().filter(|line| !line.trim().is_empty()) {
        for piece in split(line, FALLBACK, &|piece| Markup::text(piece).0) {
            if length(&text) + 1 + length(&piece) > FALLBACK {
                text.push_str("\n…");
                return text;
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&piece);
        }
    }
    if text.trim().is_empty() { "(no text)".to_owned() } else { text }
}

/// At most `limit` long, with an ellipsis for what is missing.
fn shortened(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if length(&short) + c.len_utf16() + 1 > limit {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

/// Pieces of a raw text whose escaped forms are each at most `limit` long. Parted after a line's
/// end or a space where there is one near.
fn split(raw: &str, limit: usize, escaped: &dyn Fn(&str) -> String) -> Vec<String> {
    let whole = escaped(raw);
    if length(&whole) <= limit {
        return vec![whole];
    }
    let (first, second) = raw.split_at(middle(raw));
    // One character never is too long, so there is always something on both sides.
    let mut pieces = split(first, limit, escaped);
    pieces.extend(split(second, limit, escaped));
    pieces
}

fn middle(raw: &str) -> usize {
    let half = raw.floor_char_boundary(raw.len() / 2);
    let (first, second) = raw.split_at(half);
    let near = |at: &usize| *at > raw.len() / 4;
    let line = first.rfind('\n').map(|at| at + 1).filter(near);
    let word = || first.rfind(' ').map(|at| at + 1).filter(near);
    let edge = line.or_else(word).unwrap_or(half);
    if edge == 0 { second.chars().next().map_or(raw.len(), char::len_utf8) } else { edge }
}

/// As the strictest counts: in UTF-16.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests;
