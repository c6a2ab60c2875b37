//! The program `koodrive-sandbox`: a sandbox for clients in any language.

#![forbid(unsafe_code)]

mod arguments;

use std::io::{self, Write};
use std::sync::mpsc;
use std::{fs, process, thread};

use koodrive_sandbox::Sandbox;

use arguments::Arguments;

fn main() {
    let arguments = match Arguments::from_env() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            print!("{}", arguments::HELP);
            return;
        }
        Err(problem) => fail(2, &format!("{problem}; see --help")),
    };
    if let Err(problem) = serve(arguments) {
        fail(1, &problem.to_string());
    }
}

fn fail(code: i32, problem: &str) -> ! {
    eprintln!("koodrive-sandbox: {problem}");
    process::exit(code)
}

fn serve(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    // Before the URL is out, for whoever reads it may send a signal at once.
    let end = end_of_service(arguments.until_stdin_closes)?;
    let sandbox = Sandbox::start(arguments.options)?;
    if let (Some(directory), Some(ca_pem)) = (arguments.tls_directory, sandbox.ca_pem()) {
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("ca.pem"), ca_pem)?;
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", sandbox.url())?;
    stdout.flush()?;
    end.recv()?;
    if let Some(path) = arguments.state {
        fs::write(path, serde_json::to_vec(&sandbox.deleted())?)?;
    }
    Ok(())
}

/// Hears of it when the program should end.
fn end_of_service(until_stdin_closes: bool) -> Result<mpsc::Receiver<()>, ctrlc::Error> {
    let (end, ended) = mpsc::channel();
    let signalled = end.clone();
    ctrlc::set_handler(move || {
        // It fails when the end has come already.
        let _ = signalled.send(());
    })?;
    if until_stdin_closes {
        thread::spawn(move || {
            // What comes in means nothing; an error is an end too.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            end.send(())
        });
    }
    Ok(ended)
}
