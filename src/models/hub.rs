//! Networks by name, through `hf-hub`.

use std::path::{Path, PathBuf};

use hf_hub::api::sync::{ApiBuilder, ApiError};

use super::folder::NAMES;
use crate::error::{Error, Result};
use crate::formats::shards::Index;

/// Returns the folder of a network of the Hugging Face Hub, such as `sentence-transformers/all-MiniLM-L6-v2`, fetched
/// where it is not in the cache yet: `config.json`, weights, and `tokenizer.json` if it has one.
///
/// ```no_run
/// use gradus::models::*;
/// let bert = Bert::from_folder(download("sentence-transformers/all-MiniLM-L6-v2")?)?;
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// an invalid name, or one that the Hub does not know; no network
#[doc(alias = "from_pretrained")]
pub fn download(name: &str) -> Result<PathBuf> {
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let parts: Vec<&str> = name.split('/').collect();
    if parts.len() > 2 || parts.iter().any(|part| part.is_empty() || *part == ".." || !plain(part)) {
        return Err(Error::value(format!("expected a name such as `owner/network`, got `{name}`")));
    }
    fetch(ApiBuilder::from_env(), name).map_err(|error| {
        Error::value(format!("cannot fetch `{name}`: {error}; download its folder by hand, and give its path"))
    })
}

fn fetch(builder: ApiBuilder, name: &str) -> std::result::Result<PathBuf, ApiError> {
    let network = builder.with_progress(false).build()?.model(name.into());
    let config = network.get("config.json")?;
    let mut missing = None;
    for name in NAMES {
        match network.get(name) {
            Ok(path) => {
                for shard in shards(&path) {
                    network.get(&shard)?;
                }
                missing = None;
                break;
            }
            Err(error) => missing = Some(error),
        }
    }
    if let Some(error) = missing {
        return Err(error);
    }
    // Not all networks have them, and those that want one say what they miss.
    for name in ["tokenizer.json", "sentence_bert_config.json"] {
        let _ = network.get(name);
    }
    Ok(config.parent().unwrap_or(&config).into())
}

/// The files of an index; none if this is no index, or one that is refused when it is opened.
fn shards(path: &Path) -> Vec<String> {
    let bytes = if path.extension().is_some_and(|kind| kind == "json") { std::fs::read(path).ok() } else { None };
    match bytes.as_deref().and_then(Index::read) {
        Some(Ok(index)) => index.files().map(String::from).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_cache_is_not_fetched() {
        let cache = tempfile::tempdir().unwrap();
        let own = cache.path().join("models--owner--network");
        let folder = own.join("snapshots/1234");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(own.join("refs")).unwrap();
        std::fs::write(own.join("refs/main"), "1234").unwrap();
        for name in ["config.json", "model.safetensors", "tokenizer.json"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let builder = ApiBuilder::new().with_cache_dir(cache.path().into());
        assert_eq!(fetch(builder, "owner/network").unwrap(), folder);
    }

    #[test]
    fn names_are_names() {
        for name in ["", "a/b/c", "../x", "a b", "a/"] {
            let expected = format!("expected a name such as `owner/network`, got `{name}`");
            assert_eq!(download(name).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_files_of_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let index = folder.join("model.safetensors.index.json");
        std::fs::write(&index, r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#).unwrap();
        assert_eq!(shards(&index), ["one.safetensors", "two.safetensors"]);
        assert!(shards(&folder.join("model.safetensors")).is_empty());
    }
}
