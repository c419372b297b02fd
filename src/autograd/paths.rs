//! Parameters by patterns of their paths.

use super::{Noise, Param};
use crate::error::{Error, Result};

/// The parameters whose path matches; at least one.
pub(crate) fn matching(parameters: &[(String, Param)], pattern: &str) -> Result<Vec<Param>> {
    let found: Vec<_> =
        parameters.iter().filter(|(path, _)| glob(pattern, path)).map(|(_, param)| param.clone()).collect();
    if found.is_empty() {
        let paths: Vec<_> = parameters.iter().map(|(path, _)| path.as_str()).collect();
        return Err(Error::value(format!(
            "no parameter matches `{pattern}`; the parameters are: {}",
            if paths.is_empty() { "none".into() } else { paths.join(", ") }
        )));
    }
    Ok(found)
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    runs(pattern, text).is_some()
}

/// What each `*` of `pattern` stands for in `text`, as short as can be from the left; `None` if it does not match.
pub(crate) fn runs<'t>(pattern: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let (first, rest) = match pattern.split_once('*') {
        Some(parts) => parts,
        None => return (pattern == text).then(Vec::new),
    };
    let mut text = text.strip_prefix(first)?;
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop()?;
    let mut found = Vec::with_capacity(pieces.len() + 1);
    for piece in pieces {
        let (run, after) = text.split_once(piece)?;
        found.push(run);
        text = after;
    }
    found.push(text.strip_suffix(last)?);
    Some(found)
}

/// Freezes or unfreezes the parameters and noises whose path matches; at least one.
pub(crate) fn freeze_matching(
    parameters: &[(String, Param)],
    noises: &[(String, Noise)],
    pattern: &str,
    freeze: bool,
) -> Result<()> {
    let noises: Vec<_> = noises.iter().filter(|(path, _)| glob(pattern, path)).collect();
    match matching(parameters, pattern) {
        Err(error) if noises.is_empty() => return Err(error),
        found => found.into_iter().flatten().for_each(|param| if freeze { param.freeze() } else { param.unfreeze() }),
    }
    noises.iter().for_each(|(_, noise)| if freeze { noise.freeze() } else { noise.unfreeze() });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_stands_for_any_run() {
        for (pattern, text, want) in [
            ("conv*", "conv2d_1.kernel", true),
            ("*.bias", "dense.bias", true),
            ("*.bias", "dense.kernel", false),
            ("a*b*c", "a_bb_c", true),
            ("a*b*c", "a_c", false),
            ("dense", "dense", true),
            ("dense", "dense_1", false),
            ("", "x", false),
            ("*", "", true),
            ("aa*aa", "aaa", false),
        ] {
            assert_eq!(glob(pattern, text), want, "{pattern} on {text}");
        }
    }
}
