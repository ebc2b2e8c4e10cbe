//! "Did you mean": the known name that a mistyped one stands closest to, or none at all, because a
//! wrong guess costs more at night than no guess.

/// Longer words are no typing mistakes, and comparing them takes time.
const LONGEST: usize = 64;

/// Shorter words are in too many names to mean one of them.
const SHORTEST_PART: usize = 3;

/// The candidate that `typed` most likely means: a name that starts with it, a name that has it
/// inside, or one that is at most a third of its letters away.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let letters = typed.chars().count();
    if letters == 0 || letters > LONGEST {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&typed, letters, candidate)?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How far apart they are, the better kind of likeness first.
fn distance(typed: &str, letters: usize, candidate: &str) -> Option<(u8, usize)> {
    let edits = strsim::damerau_levenshtein(typed, candidate);
    if edits <= (letters / 3).max(1) {
        Some((0, edits))
    } else if letters >= SHORTEST_PART && candidate.starts_with(typed) {
        Some((1, edits))
    } else if letters >= SHORTEST_PART && candidate.contains(typed) {
        Some((2, edits))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_and_parts_of_names_are_understood() {
        let names = ["auth_service", "ac_service", "gs_service", "ac_service_worker"];
        let table = [
            ("auht_service", Some("auth_service")),
            ("auth-service", Some("auth_service")),
            ("AUTH_SERVICE", Some("auth_service")),
            ("auth", Some("auth_service")),
            ("worker", Some("ac_service_worker")),
            ("ac_servic", Some("ac_service")),
            ("ac", None),
            ("database", None),
            ("", None),
        ];
        for (typed, expected) in table {
            assert_eq!(nearest(typed, names), expected, "{typed}");
        }
        assert_eq!(nearest(&"a".repeat(100_000), names), None);
    }
}
