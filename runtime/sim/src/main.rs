//! The command line of the simulator.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use carpus_sim::runner::{Plan, Summary};
use carpus_sim::shrink::play_safely;
use carpus_sim::{History, generate, runner, years};

const USAGE: &str = "\
Plays random histories of a virtual watch, and checks that the rules hold.

carpus-sim run [--runs N] [--steps N] [--seed FIRST] [--jobs N]    seeds FIRST (1) and on
carpus-sim explore [--for 10m] [--seed FIRST] [--steps N] [--jobs N]    new seeds, until the time is over
carpus-sim replay FILE... [--trace]                        plays histories that were written down
carpus-sim replay --seed N [--steps N]                     prints and plays the history of a seed
carpus-sim years [--years N]                               daily alarms over years, in four time zones
";

const RUNS: u64 = 10_000;
const STEPS: usize = 500;
const YEARS: i16 = 10;
const EXPLORE: Duration = Duration::from_secs(600);
const PROGRESS_INTERVAL_MS: u64 = 2000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let answer = match words.split_first() {
        Some((command, rest)) => Options::parse(rest).and_then(|options| dispatch(command, &options)),
        None => Err(String::new()),
    };
    answer.unwrap_or_else(|wrong| {
        if !wrong.is_empty() {
            eprintln!("carpus-sim: {wrong}\n");
        }
        eprint!("{USAGE}");
        ExitCode::from(2)
    })
}

fn dispatch(command: &str, options: &Options) -> Result<ExitCode, String> {
    match command {
        "run" => Ok(run(options)),
        "explore" => Ok(explore(options)),
        "replay" => replay(options),
        "years" => Ok(years(options)),
        other => Err(format!("there is no command {other:?}")),
    }
}

#[derive(Debug, Default)]
struct Options {
    runs: Option<u64>,
    steps: Option<usize>,
    seed: Option<u64>,
    jobs: Option<usize>,
    time: Option<Duration>,
    years: Option<i16>,
    trace: bool,
    files: Vec<String>,
}

impl Options {
    fn parse(words: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--trace" {
                options.trace = true;
                continue;
            }
            if !word.starts_with("--") {
                options.files.push(word.clone());
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            options.set(word, value).ok_or_else(|| format!("{word} {value} is not understood"))?;
        }
        Ok(options)
    }

    fn set(&mut self, word: &str, value: &str) -> Option<()> {
        match word {
            "--runs" => self.runs = Some(value.parse().ok()?),
            "--steps" => self.steps = Some(value.parse().ok()?),
            "--seed" => self.seed = Some(value.parse().ok()?),
            "--jobs" => self.jobs = Some(value.parse().ok()?),
            "--years" => self.years = Some(value.parse().ok()?),
            "--for" => self.time = Some(span(value)?),
            _ => return None,
        }
        Some(())
    }

    fn plan(&self, first_seed: u64, runs: Option<u64>, time: Option<Duration>) -> Plan {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.unwrap_or_else(cores);
        Plan { first_seed, runs, time, steps: self.steps.unwrap_or(STEPS), jobs }
    }
}

/// Such as `90s`, `10m` or `2h`.
fn span(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return None,
    };
    count.checked_mul(seconds).map(Duration::from_secs)
}

/// The histories that broke a rule once.
const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions");

fn run(options: &Options) -> ExitCode {
    if !regressions_hold() {
        return ExitCode::FAILURE;
    }
    let plan = options.plan(options.seed.unwrap_or(1), Some(options.runs.unwrap_or(RUNS)), None);
    tell(&make_runs(plan))
}

/// Plays what broke a rule once, where the sources are at hand.
fn regressions_hold() -> bool {
    let files = std::fs::read_dir(REGRESSIONS).into_iter().flatten().flatten();
    let mut paths: Vec<_> = files.map(|file| file.path().display().to_string()).collect();
    paths.sort();
    let fails = |path: &&String| match read(path) {
        Ok(history) => play_safely(&history).1.is_some(),
        Err(_) => true,
    };
    let failed: Vec<_> = paths.iter().filter(fails).collect();
    failed.iter().for_each(|path| println!("{path} breaks a rule again"));
    println!("{} of {} regressions hold", paths.len() - failed.len(), paths.len());
    failed.is_empty()
}

fn explore(options: &Options) -> ExitCode {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let first_seed = options.seed.unwrap_or_else(clock);
    println!("first seed {first_seed}");
    tell(&make_runs(options.plan(first_seed, options.runs, Some(options.time.unwrap_or(EXPLORE)))))
}

fn make_runs(plan: Plan) -> Summary {
    std::panic::set_hook(Box::new(|_| {})); // a panic of the rules is a fault of the run, and told with it
    let told = AtomicU64::new(0);
    let terminal = std::io::stderr().is_terminal();
    let summary = runner::run(plan, |done, took| {
        let tick = u64::try_from(took.as_millis()).unwrap_or(u64::MAX) / PROGRESS_INTERVAL_MS;
        if terminal && told.swap(tick, Ordering::Relaxed) != tick {
            eprint!("\r{done} runs in {} s ", took.as_secs());
            std::io::stderr().flush().ok();
        }
    });
    if terminal {
        eprint!("\r");
    }
    summary
}

fn tell(summary: &Summary) -> ExitCode {
    println!("{summary}");
    let Some(fault) = &summary.fault else { return ExitCode::SUCCESS };
    println!("\n{fault}");
    ExitCode::FAILURE
}

fn replay(options: &Options) -> Result<ExitCode, String> {
    if let Some(seed) = options.seed {
        let history = generate(seed, options.steps.unwrap_or(STEPS));
        print!("{history}");
        return Ok(play_one(&format!("seed {seed}"), &history));
    }
    let mut failed = false;
    for file in &options.files {
        let history = match read(file) {
            Ok(history) => history,
            Err(wrong) => {
                eprintln!("carpus-sim: {file}: {wrong}");
                failed = true;
                continue;
            }
        };
        if options.trace {
            print!("{}", carpus_sim::trace(&history).0);
        }
        failed |= play_one(file, &history) == ExitCode::FAILURE;
    }
    if options.files.is_empty() {
        return Err("replay needs a file or a seed".to_owned());
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(file: &str) -> Result<History, Box<dyn std::error::Error>> {
    Ok(std::fs::read_to_string(file)?.parse()?)
}

fn play_one(name: &str, history: &History) -> ExitCode {
    let (counts, failure) = play_safely(history);
    match failure {
        Some(failure) => {
            println!("{name}: after step {} of {}: {}", failure.step, history.steps.len(), failure.what);
            ExitCode::FAILURE
        }
        None => {
            println!("{name}: {} steps, the rules hold: {counts}", history.steps.len());
            ExitCode::SUCCESS
        }
    }
}

fn years(options: &Options) -> ExitCode {
    let begun = Instant::now();
    match years::run(options.years.unwrap_or(YEARS)) {
        Ok(all) => {
            let mut text = String::new();
            for series in all {
                let years::Series { zone, time, from, until, rings, moved } = series;
                writeln!(
                    text,
                    "{zone}, daily at {time}, {from} to {until}: {rings} rings, {moved} moved by DST"
                )
                .ok();
            }
            println!("{text}every ring at its time, in {:.1} s", begun.elapsed().as_secs_f64());
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            println!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
