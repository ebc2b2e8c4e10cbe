//! A reply's content without any platform's markup.
//!
//! Every text in a card is plain text. Adapters escape all of it in one function each, so nothing
//! that came from a log line, a label or a person can become a mention, a link or markup.

use serde::{Deserialize, Serialize};

/// One message: a title, sections in order, buttons and a footer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// One line, at most 150 characters once cleaned.
    pub title: String,
    /// How good or bad the news is. Shown as a colour bar and a word or sign, never by colour alone.
    pub tone: Tone,
    /// In reading order.
    pub sections: Vec<Section>,
    /// At most five to a row on Discord; adapters break the rows.
    pub buttons: Vec<Button>,
    /// Small print: as-of time, run id.
    pub footer: Option<String>,
}

/// How good or bad the news is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// All is well.
    Good,
    /// Neither: help, lists, progress.
    Neutral,
    /// Look at it.
    Warning,
    /// Act on it.
    Bad,
}

/// One part of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// A sentence or a paragraph.
    Text(String),
    /// Label and value, one pair a line.
    Facts(Vec<(String, String)>),
    /// Columns that line up in a monospaced block.
    Table(Table),
    /// Output as it is, monospaced.
    Code(String),
    /// Lines to type next, each a whole command without the leading `/acgs`.
    Next(Vec<String>),
}

/// A small table. Every row has as many cells as there are columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Headings.
    pub columns: Vec<Column>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
}

/// A column's heading and side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// A word or two.
    pub heading: String,
    /// Numbers stand to the right.
    pub align: Align,
}

/// A column's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A button under a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// At most 75 characters (Slack) and 80 (Discord).
    pub label: String,
    /// Comes back in [`EventKind::Click`](crate::message::EventKind::Click); at most 100 bytes (Discord `custom_id`).
    pub value: String,
    /// How it looks.
    pub style: ButtonStyle,
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonStyle {
    /// The harmless choice.
    Plain,
    /// The expected choice.
    Primary,
    /// The choice to think about.
    Danger,
}
