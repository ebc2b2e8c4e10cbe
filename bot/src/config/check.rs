//! One file being checked.

use std::ops::Range;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::secret::Spelled;
use super::{ConfigError, WebhookUrl, document};

/// One file being checked: gives errors their line.
pub(super) struct Check<'a> {
    /// How the file is called in errors.
    pub(super) shown: &'a str,
    /// What is in it.
    pub(super) text: &'a str,
    /// The environment.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Check<'_> {
    pub(super) fn error(&self, span: Range<usize>, what: impl Into<String>) -> ConfigError {
        ConfigError::at(self.shown, Some(document::line_of(self.text, span.start)), what)
    }

    pub(super) fn secret(
        &self,
        section: &str,
        span: &Range<usize>,
        spelled: &Spelled<'_>,
    ) -> Result<SecretString, ConfigError> {
        spelled.resolve(self.variable).map_err(|what| self.error(span.clone(), format!("[{section}] {what}")))
    }

    /// An address that something is posted to, where one is given. It may hold a key and so is a secret.
    pub(super) fn webhook(
        &self,
        section: &str,
        span: &Range<usize>,
        spelled: &Spelled<'_>,
    ) -> Result<Option<WebhookUrl>, ConfigError> {
        if spelled.plain.is_none() && spelled.env.is_none() && spelled.file.is_none() {
            return Ok(None);
        }
        let url = self.secret(section, span, spelled)?;
        let good = Url::parse(url.expose_secret()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if good {
            return Ok(Some(WebhookUrl(url)));
        }
        Err(self.error(span.clone(), format!("[{section}] {} must be http:// or https://", spelled.key)))
    }
}

/// Whether a word can be the name of a variable of a process.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
