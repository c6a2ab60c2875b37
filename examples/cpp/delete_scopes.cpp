/*
 * Deletes backup scopes and says what became of each.
 *
 *   delete_scopes [--user ID] --device ID [ids and --file FILE]... [--device ID ...]
 *                 [--journal FILE] [--dry-run] [--progress] [--quiet]
 *
 * Ids are arguments, or stand one a line in FILE ("-": standard input). --user and --device hold
 * for what comes after them. With --journal the run is written down in FILE, and the same command takes
 * up one that was killed. Where the service is and who we are comes from the environment:
 * KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, and KOODRIVE_ACCESS_TOKEN or KOODRIVE_APP_ID with
 * KOODRIVE_APP_SECRET.
 *
 * Exit status: 0 all gone, 1 some may still exist, 2 usage, 3 the run is incomplete.
 */
#include <koodrive.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

enum ExitStatus { all_gone = 0, some_left = 1, usage = 2, incomplete = 3 };

/* What can't go on; it has been said why. */
struct Failed {};

struct Job {
    koodrive::Plan plan;
    std::optional<std::string> journal;
    bool dry_run = false, progress = false, quiet = false;
};

const koodrive::Monitor *monitor;

/* The first Ctrl-C waits for the responses under way, a second one does not. */
extern "C" void on_interrupt(int) {
    monitor->cancel();
}

/* Says what an error says. */
void say(std::string_view what, const koodrive::Error &error) {
    std::cerr << what << ": " << name(error.status()) << ": " << error.what() << '\n';
}

[[noreturn]] void fail(std::string_view what, std::string_view why) {
    std::cerr << what << ": " << why << '\n';
    throw Failed();
}

std::string read_all(const std::string &path) {
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
    }
    std::istream &input = path == "-" ? std::cin : file;
    std::string text;
    char buffer[65536];
    while (input.read(buffer, sizeof buffer), input.gcount() > 0) {
        text.append(buffer, static_cast<std::size_t>(input.gcount()));
    }
    if (input.bad() || (path != "-" && !file.is_open())) {
        fail(path, "can't be read");
    }
    return text;
}

/* Fills the plan from the command line. */
Job read_arguments(char **argument) {
    Job job;
    std::optional<std::string_view> user;
    std::string_view device;
    const auto add_id = [&](std::string_view id) {
        user ? job.plan.add_for(*user, device, {id}) : job.plan.add(device, {id});
    };
    const auto add_file = [&](const std::string &path) {
        const std::string lines = read_all(path);
        user ? job.plan.add_lines_for(*user, device, lines) : job.plan.add_lines(device, lines);
    };
    const auto checked = [](const auto &add, const std::string &what) {
        try {
            add(what);
        } catch (const koodrive::Error &error) {
            say(what, error);
            throw Failed();
        }
    };
    for (; *argument != nullptr; argument++) {
        const std::string word = *argument;
        const bool is_option = word.compare(0, 2, "--") == 0;
        if (word == "--dry-run") {
            job.dry_run = true;
        } else if (word == "--progress") {
            job.progress = true;
        } else if (word == "--quiet") {
            job.quiet = true;
        } else if (is_option && argument[1] == nullptr) {
            fail(word, "unknown, or its value is missing");
        } else if (word == "--user") {
            user = *++argument;
        } else if (word == "--device") {
            device = *++argument;
        } else if (word == "--file") {
            checked(add_file, *++argument);
        } else if (word == "--journal") {
            job.journal = *++argument;
        } else if (is_option) {
            fail(word, "unknown option");
        } else {
            checked(add_id, word);
        }
    }
    return job;
}

void print_row(const koodrive::ScopeOutcome &scope, int width) {
    std::cout << std::left << std::setw(width) << scope.scope_id() << "  " << std::setw(9)
              << name(scope.outcome()) << "  " << std::setw(8) << scope.service_code().value_or("-")
              << "  " << scope.message().value_or("-") << '\n';
}

/* All ids, or only those that may still exist. */
void print_table(const koodrive::Report &report, bool only_failures) {
    const auto print = [](const auto &scopes) {
        std::size_t width = 0;
        for (const koodrive::ScopeOutcome scope : scopes) {
            width = std::max(width, scope.scope_id().size());
        }
        for (const koodrive::ScopeOutcome scope : scopes) {
            print_row(scope, static_cast<int>(width));
        }
    };
    only_failures ? print(report.failures()) : print(report);
}

void print_tally(const koodrive::Report &report) {
    using koodrive::Outcome;
    std::cout << report.size() << " ids:";
    for (Outcome outcome : {Outcome::not_sent, Outcome::deleted, Outcome::not_found, Outcome::duplicate,
                            Outcome::rejected, Outcome::gone, Outcome::unknown}) {
        if (const std::size_t tally = report.tally(outcome)) {
            std::cout << ' ' << tally << ' ' << name(outcome);
        }
    }
    std::cout << "; requests: " << report.request_count() << std::endl;
}

int print(const koodrive::Report &report, bool quiet) {
    print_table(report, quiet);
    print_tally(report);
    return report.failures().empty() ? all_gone : some_left;
}

/* Shows the progress on standard error until it is destroyed. */
class Progress {
  public:
    Progress()
        : thread_([this] {
              const auto finished = finished_.get_future();
              while (finished.wait_for(std::chrono::milliseconds(100)) == std::future_status::timeout) {
                  show("");
              }
              show("\n");
          }) {}

    ~Progress() {
        finished_.set_value();
        thread_.join();
    }

  private:
    static void show(const char *end) {
        std::cerr << '\r' << monitor->scopes_done() << " of " << monitor->scopes_total() << " ids"
                  << end;
    }

    std::promise<void> finished_;
    std::thread thread_;
};

int run(const koodrive::Client &client, const Job &job) {
    try {
        const koodrive::Report report = [&] {
            std::optional<Progress> progress;
            if (job.progress) {
                progress.emplace();
            }
            return job.journal ? client.delete_plan_journaled(job.plan, *job.journal, monitor)
                               : client.delete_plan(job.plan, monitor);
        }();
        return print(report, job.quiet);
    } catch (const koodrive::Error &error) {
        if (error.report()) {
            print(*error.report(), job.quiet);
        }
        say("the run is incomplete", error);
        return error.report() ? incomplete : usage;
    }
}

koodrive::Client client_from_environment() {
    try {
        return koodrive::Client(koodrive::Config::from_env());
    } catch (const koodrive::Error &error) {
        say("configuration", error);
        throw Failed();
    }
}

} // namespace

int main(int count, char **arguments) {
    if (count <= 1) {
        std::cerr << "usage: " << arguments[0] << " [--user ID] --device ID [ID | --file FILE]... "
                  << "[--journal FILE] [--dry-run] [--progress] [--quiet]\n";
        return usage;
    }
    try {
        const Job job = read_arguments(arguments + 1);
        if (job.dry_run) {
            std::cout << job.plan.scope_count() << " ids in " << job.plan.request_count()
                      << " requests; nothing was sent\n";
            return all_gone;
        }
        const koodrive::Client client = client_from_environment();
        const koodrive::Monitor watched;
        monitor = &watched;
        std::signal(SIGINT, on_interrupt);
        const int status = run(client, job);
        std::signal(SIGINT, SIG_DFL);
        return status;
    } catch (const Failed &) {
        return usage;
    }
}
