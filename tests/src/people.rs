//! The people of the tests, on every platform.

/// An admin: `U0ADA`, `11`, `ada`, and the account that the tests run as.
pub const ADA: &str = "U0ADA";
/// An approver: `U0BO`, `12`, `bo`.
pub const BO: &str = "U0BO";
/// A viewer: `U0CY`, `13`, `cy`.
pub const CY: &str = "U0CY";
/// An operator: `U0DEE`, `14`, `dee`.
pub const DEE: &str = "U0DEE";
/// Another approver: `U0EVE`, `15`, `eve`; in [`acting`] alone.
pub const EVE: &str = "U0EVE";
/// In no configuration.
pub const STRANGER: &str = "U0STRANGER";

/// Ada's Discord id.
pub const ADA_DISCORD: u64 = 1_100_000_000_000_000_011;
/// Bo's Discord id.
pub const BO_DISCORD: u64 = 1_100_000_000_000_000_012;
/// Dee's Discord id.
pub const DEE_DISCORD: u64 = 1_100_000_000_000_000_014;
/// Eve's Discord id.
pub const EVE_DISCORD: u64 = 1_100_000_000_000_000_015;
/// Cy's Discord id.
pub const CY_DISCORD: u64 = 1_100_000_000_000_000_013;
/// In no configuration.
pub const STRANGER_DISCORD: u64 = 1_100_000_000_000_000_099;

/// Their `[[person]]` entries.
///
/// # Panics
/// When the account that the tests run as has no name.
#[must_use]
pub fn toml() -> String {
    let account = nix::unistd::User::from_uid(nix::unistd::getuid()).expect("an account database");
    let account = account.expect("an account").name;
    format!(
        r#"
[[person]]
name = "Ada"
slack = "{ADA}"
discord = "{ADA_DISCORD}"
web = "ada"
cli = {account:?}
roles = ["admin"]
[[person]]
name = "Bo"
slack = "{BO}"
discord = "1100000000000000012"
web = "bo"
roles = ["approver"]
[[person]]
name = "Cy"
slack = "{CY}"
discord = "{CY_DISCORD}"
web = "cy"
roles = ["viewer"]
[[person]]
name = "Dee"
slack = "{DEE}"
discord = "{DEE_DISCORD}"
web = "dee"
roles = ["operator"]
"#
    )
}

/// The same, with another one who votes.
#[must_use]
pub fn acting() -> String {
    format!(
        r#"{}
[[person]]
name = "Eve"
slack = "{EVE}"
discord = "{EVE_DISCORD}"
web = "eve"
roles = ["approver"]
"#,
        toml()
    )
}
