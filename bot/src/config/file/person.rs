//! `[[person]]` and `[[contact]]`: who may do what, and whom to call.

use commands::ids::{Account, Platform};
use commands::risk::Role;
use serde::Deserialize;
use toml::Spanned;

use super::super::check::Check;
use super::super::secret::Spelled;
use super::super::{ConfigError, Contact, People, Person};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonSection {
    pub(super) name: String,
    pub(super) slack: Option<String>,
    pub(super) discord: Option<String>,
    pub(super) web: Option<String>,
    pub(super) cli: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) page_webhook: Option<String>,
    pub(super) page_webhook_env: Option<String>,
    pub(super) page_webhook_file: Option<String>,
    pub(super) roles: Vec<Role>,
    #[serde(default)]
    pub(super) disabled: bool,
}

pub(super) fn people(check: &Check<'_>, sections: &[Spanned<PersonSection>]) -> Result<People, ConfigError> {
    let mut people = People::default();
    for spanned in sections {
        let section = spanned.get_ref();
        let error = |what: String| check.error(spanned.span(), format!("[[person]] {what}"));
        if section.name.trim().is_empty() {
            return Err(error("name is blank".to_owned()));
        }
        if people.named(&section.name).is_some() {
            return Err(error(format!("name {:?} is listed twice", section.name)));
        }
        let role = section.roles.iter().copied().max().ok_or_else(|| {
            error(format!(
                "roles of {:?} is empty: give viewer, operator, approver or admin, or remove the entry",
                section.name
            ))
        })?;
        let accounts = accounts(section);
        if let Some(blank) = accounts.iter().find(|account| account.id.trim().is_empty()) {
            return Err(error(format!("{} of {:?} is blank: remove the key", blank.platform, section.name)));
        }
        if accounts.is_empty() {
            return Err(error(format!("{:?} has no account: give slack, discord, web or cli", section.name)));
        }
        // Whoever is not to do anything for a while is as unknown as somebody without an entry.
        if section.disabled {
            continue;
        }
        let phone = section.phone.clone();
        let spelled = Spelled {
            key: "page_webhook",
            plain: section.page_webhook.as_deref(),
            env: section.page_webhook_env.as_deref(),
            file: section.page_webhook_file.as_deref(),
        };
        let page_webhook = check.webhook("person", &spanned.span(), &spelled)?;
        let person = Person { name: section.name.clone(), role, accounts, phone, page_webhook };
        people.add(person).map_err(|account| {
            error(format!("{} = {:?} belongs to two people", account.platform, account.id))
        })?;
    }
    Ok(people)
}

pub(super) fn accounts(section: &PersonSection) -> Vec<Account> {
    [
        (Platform::Slack, &section.slack),
        (Platform::Discord, &section.discord),
        (Platform::Web, &section.web),
        (Platform::Cli, &section.cli),
    ]
    .into_iter()
    .filter_map(|(platform, id)| Some(Account::new(platform, id.clone()?)))
    .collect()
}

pub(super) fn contacts(
    check: &Check<'_>,
    sections: Vec<Spanned<Contact>>,
) -> Result<Vec<Contact>, ConfigError> {
    let contact = |section: Spanned<Contact>| {
        let span = section.span();
        let contact = section.into_inner();
        if contact.phone.is_none() && contact.mail.is_none() && contact.url.is_none() {
            let what = format!("[[contact]] {:?} can't be reached: give phone, mail or url", contact.name);
            return Err(check.error(span, what));
        }
        Ok(contact)
    };
    sections.into_iter().map(contact).collect()
}
