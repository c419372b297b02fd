//! What predicts ratings: sums of factors, a network beside them, an autoencoder.

use gradus::initializers::RandomNormal;
use gradus::ndarray::Array2;
use gradus::prelude::*;

use crate::films::Films;

/// What a model may look at.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// How generous somebody is, how good a film is.
    Biases,
    /// And how well their factors fit (Koren, Bell & Volinsky 2009).
    Factors,
    /// And the factors of age, gender, occupation, year and genres: a factorisation machine (Rendle 2010).
    SideData,
    /// And those of the films that somebody has rated, and how: SVD++ (Koren 2008).
    History,
    /// Factors, and a network that sees those of both: neural collaborative filtering (He et al. 2017).
    Neural,
    /// From the films that somebody has rated to all films, through few numbers: an autoencoder (Sedhain et al. 2015).
    Autoencoder,
}

/// Numbers that describe a person or a film.
const FACTORS: usize = 40;

/// `stars = biases + user's factors · film's factors`, where factors are sums over all that is known.
pub struct Machine {
    kind: Kind,
    people: usize,
    films: Array2<Float>,
    parameters: [(&'static str, Param); 7],
    network: Sequential,
}

impl Machine {
    pub fn new(kind: Kind, all: &Films) -> Self {
        let [small, zero] = [0.05, 0.0].map(|stddev| move || Param::new(RandomNormal { mean: 0.0, stddev }));
        let parameters = [
            ("user_bias", zero()),
            ("film_bias", zero()),
            ("users", small()),
            ("films", small()),
            ("about_users", small()),
            ("about_films", small()),
            ("history", small()),
        ];
        let network = match kind {
            Kind::Neural => Sequential::new().add(Relu).add(Dense::new(16).activation(Relu)).add(Dense::new(1)),
            _ => Sequential::new().add(Dense::new(4 * FACTORS).activation(Tanh)).add(Dense::new(all.films.nrows())),
        };
        Self { kind, people: all.people.nrows(), films: all.films.clone(), parameters, network }
    }
}

/// From the numbers of users `[batch]`, what is known of them `[batch, facts]` and their history `[batch, 2 films]` to the stars above the
/// mean for each film `[batch, films]`.
impl Layer<(Var, Var, Var), Var> for Machine {
    fn forward(&self, (ids, facts, history): &(Var, Var, Var)) -> Result<Var> {
        let count = self.films.nrows();
        let on = |place: usize, rows: usize, columns: usize| self.parameters[place].1.on(ids, &[rows, columns]);
        let biases = on(0, self.people, 1)?.take(ids, 0)? + on(1, count, 1)?.transpose()?;
        if self.kind == Kind::Biases {
            return Ok(biases);
        }
        if self.kind == Kind::Autoencoder {
            return Ok(biases + self.network.forward(history)?);
        }
        let mut user = on(2, self.people, FACTORS)?.take(ids, 0)?;
        let mut film = on(3, count, FACTORS)?;
        if self.kind == Kind::Neural {
            // The first layer on both at once is a sum of what it makes of each.
            let [of_user, of_film] = [on(4, self.people, FACTORS)?.take(ids, 0)?, on(5, count, FACTORS)?];
            let pairs = of_user.insert_axis(1)? + of_film.insert_axis(0)?;
            return Ok(biases + user.matmul(&film.transpose()?)? + self.network.forward(&pairs)?.remove_axis(-1)?);
        }
        if self.kind != Kind::Factors {
            user = user + facts.matmul(&on(4, facts.shape()[1], FACTORS)?)?;
            film = film + ids.tape().constant(&self.films).matmul(&on(5, self.films.ncols(), FACTORS)?)?;
        }
        if self.kind == Kind::History {
            user = user + history.matmul(&on(6, 2 * count, FACTORS)?)?;
        }
        Ok(biases + user.matmul(&film.transpose()?)?)
    }

    fn params<'a>(&'a self, list: &mut ParamList<'a>) {
        let used = match self.kind {
            Kind::Biases => 2,
            Kind::Factors => 4,
            Kind::SideData | Kind::Neural => 6,
            Kind::History => 7,
            Kind::Autoencoder => 2,
        };
        for (name, param) in &self.parameters[..used] {
            list.add(name, param);
        }
        if matches!(self.kind, Kind::Neural | Kind::Autoencoder) {
            list.nest("network", &self.network);
        }
    }
}
