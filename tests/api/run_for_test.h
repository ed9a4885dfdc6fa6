// Runs a command inside the test and keeps what it wrote.
#ifndef LINNET_TESTS_API_RUN_FOR_TEST_H_
#define LINNET_TESTS_API_RUN_FOR_TEST_H_

#include <string>
#include <vector>

#include "api/run.h"

namespace linnet {

struct Ran {
  int code = 0;
  std::string out, err;
};

inline Ran Linnet(const std::vector<std::string>& words, const std::atomic<bool>* stop = nullptr) {
  Ran ran;
  const auto err = [&](std::string_view text) { ran.err += text; };
  const CommandStreams streams{
      .out = [&](std::string_view text) { ran.out += text; },
      .err = err,
      .progress = {ProgressSink::Style::kLines, err, 80, 0},
  };
  ran.code = RunWords(words, streams, stop);
  return ran;
}

}  // namespace linnet

#endif  // LINNET_TESTS_API_RUN_FOR_TEST_H_
