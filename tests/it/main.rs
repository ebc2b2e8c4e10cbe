//! Whole flows, a module each.

mod invariants;
mod web_page;
