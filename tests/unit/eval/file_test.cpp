// SPDX-License-Identifier: MIT
#include "lldm/eval/file.hpp"

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "eval/answer_text.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

using Options = FileTask::Options;

/// A folder with items.jsonl, and the task of it.
struct World {
  explicit World(std::string_view rows) { write("items.jsonl", rows); }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  [[nodiscard]] FileTask task(Options options) const {
    options.file = folder / "items.jsonl";
    return FileTask(options);
  }
  [[nodiscard]] bool judges(const Options& options, std::string_view output,
                            std::size_t item = 0) const {
    const FileTask made = task(options);
    const Verdict verdict = made.check(made.examples().at(item), output);
    CHECK(verdict.failure.empty());
    CHECK(verdict.grade == (verdict.is_correct ? 1.0 : 0.0));
    return verdict.is_correct;
  }
  /// What a shell script as checker gives for `output`.
  [[nodiscard]] Verdict checked(const std::string& script, Options options = {},
                                std::string_view output = "out") const {
    options.check_by = FileCheck::command;
    options.command = {"sh", "-c", script};
    const FileTask made = task(options);
    return made.check(made.examples().front(), output);
  }
  [[nodiscard]] std::string error_of(Options options) const {
    try {
      static_cast<void>(task(std::move(options)));
    } catch (const Error& error) {
      std::string text = error.what();
      const std::string path = folder.path().string();
      for (std::size_t at; (at = text.find(path)) != std::string::npos;)
        text.replace(at, path.size(), "D");
      return text;
    }
    return "no error";
  }

  testing::TemporaryFolder folder;
};

constexpr std::string_view kOne = R"({"prompt": "2 + 3 =", "answer": "5"})";

double metric(const Verdict& verdict, const std::string& name) {
  return verdict.metrics.contains(name) ? verdict.metrics.at(name) : -1.0;
}

/// Exactly one way of failing, and no verdict.
void check_failed(const Verdict& verdict, const std::string& how, const std::string& why) {
  INFO(verdict.failure);
  CHECK_FALSE(verdict.is_correct);
  CHECK(verdict.grade == 0.0);
  CHECK_THAT(verdict.failure, contains(why));
  for (const char* name : {"check_timeout", "check_crash", "check_exit", "check_garbage"})
    CHECK(metric(verdict, name) == (how == name ? 1.0 : 0.0));
}

}  // namespace

TEST_CASE("FileTask takes prompts as they stand, with ids and places", "[eval][file]") {
  const World world(
      "{\"prompt\": \"Q: a\\nA: b\\n\\nQ: c\\nA:\", \"answer\": \" d \"}\n"
      "{\"prompt\": \"\", \"answer\": 1.50, \"id\": \"mine\"}\n{\"prompt\": \"x\", \"answer\": "
      "\"\", \"id\": 7, \"note\": [1]}\n\n");
  const auto examples = world.task({}).examples();
  REQUIRE(examples.size() == 3);
  CHECK(examples[0].prompt == "Q: a\nA: b\n\nQ: c\nA:");
  CHECK(examples[0].answer == " d ");
  CHECK(examples[0].id == "items-1");
  CHECK(examples[1].id == "mine");
  CHECK(examples[1].answer == "1.5");
  CHECK(examples[2].id == "7");
  CHECK(examples[2].place == (world.folder / "items.jsonl").string() + ":3");
  CHECK(world.task({.limit = 1}).examples().size() == 1);
}

TEST_CASE("FileTask refuses bad rows with file and line, all at once", "[eval][file]") {
  const World world(
      "{\"prompt\": 1, \"answer\": \"a\"}\n{\"prompt\": \"p\"}\n\n{\"prompt\": \"p\", \"answer\": "
      "[]}\nnot json\n{\"prompt\": \"p\", \"answer\": \"a\", \"id\": \"x\"}\n{\"prompt\": \"p\", "
      "\"answer\": \"a\", \"id\": \"x\"}\n{\"prompt\": \"p\", \"answer\": \"a\", \"id\": 1.5}\n");
  const std::string error = world.error_of({});
  for (const char* part :
       {"D/items.jsonl: 7 of 8 rows cannot be used",
        "D/items.jsonl:1: \"prompt\" is missing or not a string",
        "D/items.jsonl:2: \"answer\" is missing", "D/items.jsonl:3: empty line",
        "D/items.jsonl:4: \"answer\" must be a string or a number, is array",
        "D/items.jsonl:5:", "D/items.jsonl:7: the id \"x\" is that of line 6 too",
        "D/items.jsonl:8: \"id\" must be a string or an integer"})
    CHECK_THAT(error, contains(part));
  CHECK(World("").error_of({}) == "D/items.jsonl: holds no rows");
  CHECK_THAT(World(kOne).error_of({.limit = -1}), contains("limit"));
  CHECK_THROWS_AS(FileTask(Options{}), ConfigError);
  CHECK_THROWS_AS(FileTask(Options{.file = "/nowhere/items.jsonl"}), DataError);
  CHECK_THAT(World("{\"prompt\": \"p\", \"answer\": \"five\"}\n")
                 .error_of({.check_by = FileCheck::numeric}),
             contains("D/items.jsonl:1: \"answer\" holds no number"));
  CHECK_THAT(
      World("{\"prompt\": \"p\", \"answer\": \"(a\"}\n").error_of({.check_by = FileCheck::regex}),
      contains("D/items.jsonl:1: \"answer\": the expression is malformed at byte 3"));
}

TEST_CASE("FileTask refuses options that its check does not read", "[eval][file]") {
  const World world(kOne);
  CHECK_THAT(world.error_of({.absolute_tolerance = 1}),
             contains("absolute_tolerance is not read by check = \"exact_match\"") &&
                 contains("it belongs to check = \"numeric\""));
  CHECK_THAT(world.error_of({.check_by = FileCheck::regex, .extract = "a"}),
             contains("extract is not read by check = \"regex\""));
  CHECK_THAT(world.error_of({.check_by = FileCheck::numeric, .ignore_case = true}),
             contains("ignore_case is not read"));
  CHECK_THAT(world.error_of({.command = {"true"}}), contains("command is not read"));
  CHECK_THAT(world.error_of({.check_by = FileCheck::command}), contains("needs a command"));
  CHECK_THAT(world.error_of({.stop = {""}}), contains("stop holds an empty text"));
  CHECK_THAT(world.error_of({.extract = "["}),
             contains("task file: extract: the expression is malformed"));
  CHECK_THAT(world.error_of({.check_by = FileCheck::command, .command = {"no-such-program"}}),
             contains("\"no-such-program\" is in no folder of PATH"));
  CHECK_THAT(world.error_of({.check_by = FileCheck::command, .command = {"./items.jsonl"}}),
             contains("\"./items.jsonl\" is no executable file"));
  CHECK_THAT(
      world.error_of({.check_by = FileCheck::command, .command = {"true"}, .timeout_seconds = 0}),
      contains("timeout_seconds"));
}

TEST_CASE("FileTask: exact_match compares texts", "[eval][file]") {
  const World world("{\"prompt\": \"p\", \"answer\": \"The Answer, $5.\"}\n");
  CHECK(world.judges({}, " The Answer, $5.\n"));
  CHECK_FALSE(world.judges({}, "the answer, $5."));
  CHECK(world.judges({.ignore_case = true}, "the ANSWER, $5."));
  CHECK(world.judges({.ignore_punctuation = true}, "The Answer 5"));
  CHECK(world.judges({.regexes_to_ignore = {",", "\\$", "\\.$"}}, "The Answer 5"));
  CHECK_FALSE(world.judges({}, ""));
  CHECK(world.judges({.stop = {"\n\n", "Q:"}}, "The Answer, $5.\n\nQ: next"));
  CHECK_FALSE(world.judges({.stop = {"The"}}, "The Answer, $5."));
  const World letters("{\"prompt\": \"p\", \"answer\": \"\\u00c4\"}\n");
  CHECK(letters.judges({.ignore_case = true}, "\xC3\xA4"));
  CHECK_FALSE(letters.judges({.ignore_case = true}, "\xFF"));
}

TEST_CASE("FileTask: extract reads the answer out of the output", "[eval][file]") {
  const World world("{\"prompt\": \"p\", \"answer\": \"B\"}\n");
  const Options last{.extract = "answer is \\(?([A-D])|boxed\\{([A-D])\\}"};
  CHECK(world.judges(last, "the answer is (A). No: \\boxed{B}"));
  CHECK_FALSE(world.judges(last, "B"));
  Options first = last;
  first.extract_match = ExtractMatch::first;
  CHECK_FALSE(world.judges(first, "the answer is (A). No: \\boxed{B}"));
  const FileTask task = world.task(last);
  CHECK(task.check(task.examples()[0], "nothing").extracted == "[invalid]");
  CHECK(task.check(task.examples()[0], "answer is A, answer is B").extracted == "B");
  CHECK(world.task({.extract = "[A-D]"}).check(task.examples()[0], "A B").extracted == "B");
}

TEST_CASE("FileTask: the harness's gsm8k, written as a file task", "[eval][file]") {
  const World world("{\"prompt\": \"p\", \"answer\": \"2 + 3 = 5\\n#### 1,234\"}\n");
  const Options strict{.stop = {"Question:", "</s>", "<|im_end|>"},
                       .extract = "#### (\\-?[0-9\\.\\,]+)",
                       .extract_match = ExtractMatch::first,
                       .regexes_to_ignore = {",", "\\$", "(?s).*#### ", "\\.$"},
                       .ignore_case = true};
  CHECK(world.judges(strict, "so\n#### 1234.\n\nQuestion: 5 #### 9"));
  CHECK_FALSE(world.judges(strict, "so 1234"));
  Options flexible = strict;
  flexible.extract = "(-?[$0-9.,]{2,})|(-?[0-9]+)";
  flexible.extract_match = ExtractMatch::last;
  CHECK(world.judges(flexible, "first 7 then $1,234.</s> 8"));
}

TEST_CASE("FileTask: numeric compares the last numbers", "[eval][file]") {
  const World world("{\"prompt\": \"p\", \"answer\": \"40 + 2.5: 1,042.50\"}\n");
  const Options numeric{.check_by = FileCheck::numeric};
  CHECK(world.judges(numeric, "it is $1042.5."));
  CHECK_FALSE(world.judges(numeric, "it is -1042.5"));
  CHECK_FALSE(world.judges(numeric, "1042.51"));
  CHECK_FALSE(world.judges(numeric, "no number"));
  CHECK(world.judges({.check_by = FileCheck::numeric, .absolute_tolerance = 0.02}, "1042.51"));
  CHECK(world.judges({.check_by = FileCheck::numeric, .relative_tolerance = 0.01}, "1050"));
  CHECK_FALSE(world.judges({.check_by = FileCheck::numeric, .relative_tolerance = 0.01}, "1055"));
  CHECK(world.judges({.check_by = FileCheck::numeric, .extract = "= (.*)"}, "x = 1042.50 EUR"));
  const auto text = [](std::string_view from) {
    const auto number = eval::last_number(from);
    return number ? number->text : std::string("none");
  };
  CHECK(text("7-3") == "3");
  CHECK(text("7 -3") == "-3");
  CHECK(text("1,2") == "2");
  CHECK(text("12,345,678.9") == "12,345,678.9");
  CHECK(text("1.5e-3!") == "1.5e-3");
  CHECK(text("3. 4.") == "4");
  CHECK(text("x .5") == ".5");
  CHECK(text("-$5") == "-$5");
  CHECK(eval::last_number("-$5")->value == -5);
  CHECK(text("1e999") == "none");
  CHECK(text("") == "none");
}

TEST_CASE("FileTask: regex takes the item's answer as the expression", "[eval][file]") {
  const World world(
      "{\"prompt\": \"p\", \"answer\": \"^\\\\s*(yes|sure)\\\\b\"}\n"
      "{\"prompt\": \"p\", \"answer\": \"^(a+)+$\"}\n");
  const Options regex{.check_by = FileCheck::regex};
  CHECK(world.judges(regex, " yes, it is"));
  CHECK_FALSE(world.judges(regex, "yesterday"));
  CHECK_FALSE(world.judges(regex, "\xFF\xFE"));
  // An expression that gives up is no verdict.
  const FileTask task = world.task(regex);
  const Verdict verdict = task.check(task.examples()[1], std::string(40, 'a') + "b");
  CHECK_FALSE(verdict.is_correct);
  CHECK_THAT(verdict.failure, contains("the expression gave up"));
  CHECK(metric(verdict, "check_garbage") == 1.0);
  CHECK(metric(task.check(task.examples()[1], "aaa"), "check_garbage") == 0.0);
}

TEST_CASE("FileTask: a checker command gets item and output, and answers JSON", "[eval][file]") {
  const World world(R"({"prompt": "2 + 3 =", "answer": 5, "id": "a", "level": {"n": 3}})");
  const std::string input = (world.folder / "seen.json").string();
  const Verdict verdict = world.checked(
      "cat > seen.json; echo '{\"correct\": true, \"grade\": 0.25, \"extracted\": \"5\", "
      "\"metrics\": {\"steps\": 3, \"short\": true}}'",
      {.stop = {"Q:"}}, "say \"5\"\n\xC3\xA4\xFF Q: 6");
  CHECK(verdict.failure.empty());
  CHECK(verdict.is_correct);
  CHECK(verdict.grade == 0.25);
  CHECK(verdict.extracted == "5");
  CHECK(metric(verdict, "steps") == 3.0);
  CHECK(metric(verdict, "short") == 1.0);
  CHECK(metric(verdict, "check_timeout") == 0.0);
  CHECK(metric(verdict, "check_garbage") == 0.0);
  // In the folder of the items, and with the row whole.
  const auto seen = nlohmann::json::parse(std::ifstream(input));
  CHECK(seen["item"]["id"] == "a");
  CHECK(seen["item"]["prompt"] == "2 + 3 =");
  CHECK(seen["item"]["answer"] == 5);
  CHECK(seen["item"]["level"]["n"] == 3);
  CHECK(seen["output"] == "say \"5\"\n\xC3\xA4\xEF\xBF\xBD ");
  const Verdict wrong = world.checked("echo '{\"correct\": false}'");
  CHECK_FALSE(wrong.is_correct);
  CHECK(wrong.failure.empty());
  CHECK(wrong.grade == 0.0);
  CHECK(world.checked("printf '\\n {\"correct\":\\n true} \\n\\n'").is_correct);
}

TEST_CASE("FileTask: words go to the program as they are, without a shell", "[eval][file]") {
  const World world(kOne);
  world.write("check.sh", "#!/bin/sh\n[ \"$1\" = '$HOME; exit 7 *' ] && [ $# -eq 1 ]\n");
  std::filesystem::permissions(world.folder / "check.sh", std::filesystem::perms::owner_all);
  const FileTask task = world.task({.check_by = FileCheck::command,
                                    .command = {"./check.sh", "$HOME; exit 7 *"},
                                    .reply = CheckerReply::exit_code});
  CHECK(task.check(task.examples()[0], "").is_correct);
}

TEST_CASE("FileTask: exit codes as verdicts", "[eval][file]") {
  const World world(kOne);
  const Options by_code{.reply = CheckerReply::exit_code};
  CHECK(world.checked("exit 0", by_code).is_correct);
  const Verdict wrong = world.checked("exit 1", by_code);
  CHECK_FALSE(wrong.is_correct);
  CHECK(wrong.failure.empty());
  CHECK(metric(wrong, "check_exit") == 0.0);
  check_failed(world.checked("exit 2", by_code), "check_exit", "exit code 2");
  // A crash of an interpreter exits with 1 as well, and says so.
  check_failed(world.checked("echo 'Traceback: no module' >&2; exit 1", by_code), "check_exit",
               "exit code 1; it wrote: Traceback: no module");
}

TEST_CASE("FileTask: a checker that fails is counted, never silently wrong", "[eval][file]") {
  const World world(kOne);
  const std::string yes = "echo '{\"correct\": true}'; ";
  check_failed(world.checked(yes + "exit 3"), "check_exit", "exit code 3");
  check_failed(world.checked("exit 1"), "check_exit", "exit code 1");
  check_failed(world.checked(yes + "kill -SEGV $$"), "check_crash", "signal 11");
  check_failed(world.checked("true"), "check_garbage", "empty line");
  check_failed(world.checked("echo yes"), "check_garbage", "not JSON");
  check_failed(world.checked("echo '{\"correct\": 1}'"), "check_garbage",
               "\"correct\" must be true or false, and is of type number");
  check_failed(world.checked("echo '{\"grade\": 1}'"), "check_garbage", "\"correct\" is missing");
  check_failed(world.checked("echo '{\"correct\": true, \"corect\": true}'"), "check_garbage",
               "\"corect\" is no key of a reply: did you mean \"correct\"?");
  check_failed(world.checked("echo '{\"correct\": true, \"metrics\": {\"accuracy\": 1}}'"),
               "check_garbage", "no metric can be named \"accuracy\"");
  check_failed(world.checked("echo '{\"correct\": true, \"metrics\": {\"a\": \"b\"}}'"),
               "check_garbage", "no finite number");
  check_failed(world.checked(yes + yes), "check_garbage", "not JSON");
  check_failed(world.checked("printf '\\377'"), "check_garbage", "invalid UTF-8");
  check_failed(world.checked("head -c 3000000 /dev/zero"), "check_garbage", "more than 1 MiB");
}

TEST_CASE("FileTask: a checker out of time is killed with its children", "[eval][file]") {
  const World world(kOne);
  const auto begin = std::chrono::steady_clock::now();
  check_failed(world.checked("trap '' TERM; sleep 100 & echo $! > child; wait; sleep 100",
                             {.timeout_seconds = 0.3}),
               "check_timeout", "no verdict within 0.3 s");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
  const auto has_ended = [&] {
    int child = 0;
    std::ifstream(world.folder / "child") >> child;
    REQUIRE(child > 1);
    for (int tries = 0; tries < 200; ++tries) {
      std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
      std::string number, name, state;
      if (!(stat >> number >> name >> state) || state == "Z") return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  };
  CHECK(has_ended());
  // One that ends and leaves a child behind, its output still open: nobody waits for the child.
  const Verdict verdict = world.checked("sleep 100 & echo $! > child; echo '{\"correct\": true}'");
  CHECK(verdict.is_correct);
  CHECK(has_ended());
  std::filesystem::remove(world.folder / "child");
  // Nor do daemons stay, which have left its process group.
  CHECK(world
            .checked("setsid sh -c 'echo $$ > child; exec sleep 100' & "
                     "while ! [ -s child ]; do sleep 0.01; done; echo '{\"correct\": true}'")
            .is_correct);
  CHECK(has_ended());
  check_failed(world.checked("setsid sh -c 'echo $$ > child; exec sleep 100' & sleep 100",
                             {.timeout_seconds = 0.5}),
               "check_timeout", "no verdict within 0.5 s");
  CHECK(has_ended());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
}

TEST_CASE("FileTask: a checker may ignore a long input", "[eval][file]") {
  const World world(kOne);
  const std::string output(3'000'000, 'x');
  CHECK(world.checked("echo '{\"correct\": true}'", {}, output).is_correct);
  CHECK(world.checked("test $(wc -c) -gt 3000000 && echo '{\"correct\": true}'", {}, output)
            .is_correct);
}
