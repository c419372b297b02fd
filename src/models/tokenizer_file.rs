//! What a `tokenizer.json` must say so that the crate `tokenizers` can work with it: that one takes it on trust.

use serde_json::Value;

/// Checks a file's merges and the tokens that it puts before and behind texts.
pub(super) fn check(file: &Value) -> Result<(), String> {
    merges(&file["model"])?;
    post_processor(&file["post_processor"])
}

/// That the second token of each merge is longer than the prefix that it loses, and is not cut in a letter.
fn merges(model: &Value) -> Result<(), String> {
    let (Some(prefix), Some(merges)) = (model["continuing_subword_prefix"].as_str(), model["merges"].as_array()) else {
        return Ok(());
    };
    for merge in merges {
        let second = match merge {
            Value::String(pair) => pair.split_once(' ').map(|(_, second)| second),
            pair => pair[1].as_str(),
        };
        if second.is_some_and(|second| !second.starts_with(prefix)) {
            return Err(format!(
                "its merge {merge} joins a token without the prefix `{prefix}` of the tokens inside of words; export the tokenizer \
                 again"
            ));
        }
    }
    Ok(())
}

/// That a post-processor knows the tokens that its templates name, and that a text alone needs no second one.
fn post_processor(processor: &Value) -> Result<(), String> {
    for inner in processor["processors"].as_array().into_iter().flatten() {
        post_processor(inner)?;
    }
    for template in ["single", "pair"] {
        for piece in processor[template].as_array().into_iter().flatten() {
            if let Some(token) = piece["SpecialToken"]["id"].as_str()
                && processor["special_tokens"].get(token).is_none()
            {
                return Err(format!(
                    "its post-processor puts the token `{token}` into texts, which it does not describe"
                ));
            }
            if template == "single" && piece["Sequence"]["id"] == "B" {
                return Err("its post-processor wants a second text where there is one".into());
            }
        }
    }
    for (name, token) in processor["special_tokens"].as_object().into_iter().flatten() {
        let [ids, tokens] = ["ids", "tokens"].map(|list| token[list].as_array().map_or(0, Vec::len));
        if ids != tokens {
            return Err(format!("its post-processor describes `{name}` by {ids} ids of {tokens} tokens"));
        }
    }
    Ok(())
}

/// The tokens that a post-processor puts into texts: their ids and names.
pub(super) fn added(processor: &Value) -> Vec<(u64, String)> {
    let mut added = Vec::new();
    for inner in processor["processors"].as_array().into_iter().flatten() {
        added.extend(self::added(inner));
    }
    for (name, token) in processor["special_tokens"].as_object().into_iter().flatten() {
        for id in token["ids"].as_array().into_iter().flatten() {
            added.push((id.as_u64().unwrap_or(u64::MAX), name.clone()));
        }
    }
    for end in ["cls", "sep"] {
        if let (Some(name), Some(id)) = (processor[end][0].as_str(), processor[end][1].as_u64()) {
            added.push((id, name.into()));
        }
    }
    added
}
