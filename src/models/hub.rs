//! Networks by name, through `hf-hub`.

use std::path::PathBuf;

use hf_hub::api::sync::{ApiBuilder, ApiError};

use crate::error::{Error, Result};

/// The folder of a network of the Hugging Face Hub, such as `sentence-transformers/all-MiniLM-L6-v2`, fetched where it is not in
/// the cache yet: `config.json`, weights, and `tokenizer.json` if it has one.
///
/// ```no_run
/// use gradus::models::*;
/// let bert = Bert::from_folder(download("sentence-transformers/all-MiniLM-L6-v2")?)?;
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// a name that is none, or that the Hub does not know; no network
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
    if network.get("model.safetensors").is_err() {
        network.get("pytorch_model.bin")?;
    }
    // Not all networks have one, and those that want it say what they miss.
    let _ = network.get("tokenizer.json");
    Ok(config.parent().unwrap_or(&config).into())
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
}
