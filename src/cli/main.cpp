// SPDX-License-Identifier: MIT
// lldm: finds the command, turns exceptions into exit codes.  The library never prints; this does.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>

#include "cli/command.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/text/utf8.hpp"
#include "memory/device_trouble.hpp"
#include "model/device_parts.hpp"
#include "model/hub_cache.hpp"
#include "model/products.hpp"

namespace {

using namespace lldm;

/// The command whose words begin the line; the longest match wins ("data generate" over "data").
const cli::Command* find_command(std::vector<std::string>& words) {
  const auto take = [&](std::size_t count) -> const cli::Command* {
    if (words.size() < count) return nullptr;
    std::string name = words[0];
    for (std::size_t i = 1; i < count; ++i) name += " " + words[i];
    for (const cli::Command& command : cli::commands())
      if (command.name == name) {
        words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count));
        return &command;
      }
    return nullptr;
  };
  if (const cli::Command* command = take(2)) return command;
  return take(1);
}

/// Whether this process is one of several that compute on the machine, as far as it is told.
bool has_neighbours(const std::string& command) {
  const auto is_several = [](const char* variable) {
    const char* text = std::getenv(variable);
    return text != nullptr && std::atoi(text) > 1;
  };
  return command == "grid" || command == "launch" || is_several("WORLD_SIZE") ||
         is_several("SLURM_NTASKS");
}

/// Starts the program again with what OpenMP's threads are to do while they wait: libgomp reads it
/// before main.  Alone they spin for some 40 microseconds, then sleep: a step of a small model is
/// hundreds of loops, and waking a thread for each took an eighth of it.  (libgomp's own
/// millisecond makes a run several times slower as soon as another process wants the cores.)
/// Beside others they sleep at once.  What the user has set is kept.
void settle_waiting(const std::vector<std::string>& words, char** argv) {
  static const std::vector<std::string> computing = {"run",  "sample", "evaluate", "score",
                                                     "grid", "bench",  "launch"};
  if (words.empty() || std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT") ||
      std::find(computing.begin(), computing.end(), words[0]) == computing.end())
    return;
  if (has_neighbours(words[0])) {
    setenv("OMP_WAIT_POLICY", "passive", 0);
  } else {
    setenv("OMP_WAIT_POLICY", "active", 0);
    setenv("GOMP_SPINCOUNT", "2000", 0);
  }
  execv("/proc/self/exe", argv);  // returns only where it cannot: then the run is slower, not wrong
}

/// Scratch memory of libraries (oneDNN's reordered weights) comes and goes with every product;
/// malloc would give it back to the system each time, which clears the pages again at the next.
void keep_scratch_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // its largest
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

/// What a file says must not move the cursor: control characters are shown as \xNN, bytes that are
/// no UTF-8 as U+FFFD.
std::string printable(const std::string& text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string shown;
  const std::string valid = to_valid_utf8(text);
  for (std::size_t at = 0; at < valid.size();) {
    const CodePoint c = code_point_at(valid, at);
    const bool is_control = c.value < 0x20 || (c.value >= 0x7f && c.value < 0xa0);
    if (is_control && c.value != '\n' && c.value != '\t')
      shown += {'\\', 'x', kHex[c.value >> 4], kHex[c.value & 15]};
    else
      shown += valid.substr(at, c.length);
    at += c.length;
  }
  return shown;
}

/// ConfigError if --out names a file that the command reads, or one of a folder that it reads: it
/// would be lost.
void refuse_own_input(const cli::Arguments& arguments) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path out = arguments.value("out");
  if (out.empty() || !fs::is_regular_file(out, ignored)) return;
  std::vector<std::string> read = arguments.positional;
  for (const auto& [name, values] : arguments.options)
    if (name != "out") read.insert(read.end(), values.begin(), values.end());
  for (const fs::path path : read)
    if (fs::equivalent(path, out, ignored) ||
        (fs::exists(path / "config.json", ignored) &&
         fs::equivalent(path, fs::absolute(out).parent_path(), ignored)))
      throw ConfigError(message("--out ", out.string(), ": is read by this command (",
                                path.string(), ") and would be lost\n  name another file"));
}

/// Names of models of the hub become the folders of its cache, where it has them.
void find_snapshots(cli::Arguments& arguments) {
  const auto find = [](std::string& word) {
    const auto snapshot = named_snapshot(word);
    if (!snapshot) return;
    std::cerr << "note: " << word << " is " << snapshot->string() << " (the hub's cache)\n";
    word = snapshot->string();
  };
  for (std::string& word : arguments.positional) find(word);
  for (const char* option : {"reference", "adapter", "tokenizer"})
    if (const auto given = arguments.options.find(option); given != arguments.options.end())
      for (std::string& word : given->second) find(word);
}

int run(std::vector<std::string> words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::cout << cli::help_text();
    return words.empty() ? 2 : 0;
  }
  if (words[0] == "--version") {
    std::cout << "lldm " << LLDM_VERSION << "\n";
    return 0;
  }
  const cli::Command* command = find_command(words);
  if (!command) {
    std::vector<std::string> names, matching;
    for (const cli::Command& known : cli::commands()) {
      names.push_back(known.name);
      if (known.name.starts_with(words[0] + " ")) matching.push_back(known.name);
    }
    const bool is_help = words.size() > 1 && (words[1] == "--help" || words[1] == "-h");
    if (!matching.empty() && is_help) {
      for (const cli::Command& known : cli::commands())
        if (known.name.starts_with(words[0] + " ")) std::cout << cli::help_text(known) << "\n";
      return 0;
    }
    const std::string typed =
        words.size() > 1 && !matching.empty() ? words[0] + " " + words[1] : words[0];
    throw ConfigError(
        message("no command is named \"", typed, "\"\n  ",
                config::did_you_mean(typed, matching.empty() ? names : matching, "commands")));
  }
  cli::Arguments arguments = cli::parse(*command, words);
  if (arguments.has("help")) {
    std::cout << cli::help_text(*command);
    return 0;
  }
  require_loaded_libtorch();
  static_cast<void>(product_library());  // names that are none are told before anything is done
  static_cast<void>(may_take_fused_parts());
  find_snapshots(arguments);
  refuse_own_input(arguments);
  return command->run(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  set_deterministic_environment();
  std::signal(SIGXFSZ, SIG_IGN);  // a write above `ulimit -f` then fails with EFBIG, and is told
  settle_waiting({argv + 1, argv + argc}, argv);
  keep_scratch_memory();
  try {
    const int code = run({argv + 1, argv + argc});
    std::cout.flush();
    if (std::cout) return code;
    std::cerr << "standard output: cannot be written\n";
    return code != 0 ? code : 1;
  } catch (const std::exception& error) {
    std::cout.flush();
    const bool is_stop = dynamic_cast<const lldm::Stopped*>(&error) != nullptr;
    std::string text = error.what();  // every text of ours names its place first
    // LibTorch adds its own stack frames, which say nothing of the user's.
    if (const std::string lost = lldm::memory::lost_device(text); !lost.empty())
      text = lost;
    else if (const auto frames = text.find("\nException raised from"); frames != std::string::npos)
      text = "LibTorch: " + text.substr(0, frames);
    std::cerr << printable(text) << "\n";
    if (is_stop) std::cerr << "  the same command goes on from there\n";
    return lldm::exit_code(error);
  }
}
