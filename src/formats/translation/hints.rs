//! The rule that a file needs whose names have something before them, or in them.

use std::collections::{HashMap, HashSet};

use super::{Translation, pytorch};
use crate::autograd::Listed;

/// What `torch.compile` puts before the names of a module.
const COMPILED: &str = "_orig_mod.";

/// What to write so that most of what is missing is found among what is left over.
pub(super) fn hint(
    translation: &Translation,
    listed: &[Listed],
    missing: &[String],
    unused: &[&str],
) -> Option<String> {
    if let Some([file, model]) = rule(missing, unused) {
        let rule = format!(".rename(\"{file}\", \"{model}\")");
        let kind = if translation.pytorch { "pytorch" } else { "new" };
        return Some(match (translation.renames.is_empty(), translation.aliases.is_empty()) {
            (true, true) => format!("its names differ by one rule: load it by `Translation::{kind}(){rule}`"),
            // That of a network of the crate has other rules, too.
            (true, false) => format!("its names differ by one more rule: add `{rule}` to the translation"),
            _ => format!("its names differ by one more rule: put `{rule}` before the others"),
        });
    }
    if translation.pytorch || missing.is_empty() {
        return None;
    }
    let plan = pytorch::plan(listed, translation.separate_attention, &|_, _| true);
    let mut theirs = Vec::new();
    plan.into_iter().for_each(|group| theirs.extend(group.names));
    let left: HashSet<&str> = unused.iter().copied().collect();
    if 2 * theirs.iter().filter(|name| left.contains(name.as_str())).count() >= theirs.len() {
        return Some("its names are those of PyTorch: load it by `Translation::pytorch()`".into());
    }
    let [file, model] = rule(&theirs, unused)?;
    let rule = format!("Translation::pytorch().rename(\"{file}\", \"{model}\")");
    Some(format!("its names are those of PyTorch, but for one rule: load it by `{rule}`"))
}

/// Patterns of the names that there are and of those that are missing, if they explain half of these.
fn rule(missing: &[String], unused: &[&str]) -> Option<[String; 2]> {
    let mut before: HashMap<[&str; 2], usize> = HashMap::new();
    let mut compiled = 0;
    for name in missing {
        for other in unused {
            if let Some(prefix) = other.strip_suffix(name.as_str())
                && prefix.ends_with(['.', '/'])
            {
                *before.entry([prefix, ""]).or_default() += 1;
            } else if let Some(prefix) = name.strip_suffix(other)
                && prefix.ends_with(['.', '/'])
            {
                *before.entry(["", prefix]).or_default() += 1;
            } else if other.len() == name.len() + COMPILED.len() && other.replacen(COMPILED, "", 1) == *name {
                compiled += 1;
            }
        }
    }
    // The shortest of those that explain as much: the order of a map is none.
    let best = before.into_iter().max_by_key(|(prefix, count)| (*count, std::cmp::Reverse(*prefix)));
    match best {
        Some(([file, model], count)) if 2 * count >= missing.len() => Some([format!("{file}*"), format!("{model}*")]),
        _ if compiled > 0 && 2 * compiled >= missing.len() => Some([format!("*.{COMPILED}*"), "*.*".into()]),
        _ => None,
    }
}
