//! A secret's three spellings: `key`, `key_env = "NAME"`, `key_file = "PATH"`.

use secrecy::SecretString;

/// The three spellings of one secret as they stand in the file.
pub(super) struct Spelled<'a> {
    pub(super) key: &'a str,
    pub(super) plain: Option<&'a str>,
    pub(super) env: Option<&'a str>,
    pub(super) file: Option<&'a str>,
}

impl Spelled<'_> {
    /// The secret, or what is wrong with how it is given. A blank one is as bad as none.
    pub(super) fn resolve(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<SecretString, String> {
        let key = self.key;
        let value = match (self.plain, self.env, self.file) {
            (Some(value), None, None) => value.to_owned(),
            (None, Some(name), None) => variable(name).ok_or_else(|| {
                format!("{key}_env names the environment variable {name}, which is not set")
            })?,
            (None, None, Some(path)) => std::fs::read_to_string(path)
                .map_err(|error| format!("{key}_file: {path} can't be read: {error}"))?,
            (None, None, None) => {
                return Err(format!("{key} is missing: set {key}_env = \"NAME\" or {key}_file = \"PATH\""));
            }
            _ => return Err(format!("{key} is given twice: keep one of {key}, {key}_env and {key}_file")),
        };
        let value = value.trim();
        if value.is_empty() {
            return Err(format!("{key} is blank: put the secret where {key}_env or {key}_file points"));
        }
        Ok(SecretString::from(value.to_owned()))
    }
}
