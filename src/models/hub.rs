//! Networks by name, through `hf-hub`.

use std::path::PathBuf;

use hf_hub::api::sync::ApiBuilder;

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
    if name.is_empty() || name.split('/').count() > 2 || !name.split('/').all(|part| plain(part) && part != "..") {
        return Err(Error::value(format!("expected a name such as `owner/network`, got `{name}`")));
    }
    let fail = |error| Error::value(format!("cannot fetch `{name}`: {error}; download its folder, and give its path"));
    let network = ApiBuilder::from_env().with_progress(false).build().map_err(fail)?.model(name.into());
    let config = network.get("config.json").map_err(fail)?;
    if network.get("model.safetensors").is_err() {
        network.get("pytorch_model.bin").map_err(fail)?;
    }
    // Not all networks have one, and those that want it say what they miss.
    let _ = network.get("tokenizer.json");
    Ok(config.parent().unwrap_or(&config).into())
}
