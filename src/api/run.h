// From words to an exit code.
#ifndef LINNET_API_RUN_H_
#define LINNET_API_RUN_H_

#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/progress.h"

namespace linnet {

struct CommandStreams {
  std::function<void(std::string_view)> out;  // results
  std::function<void(std::string_view)> err;  // errors
  ProgressSink progress;
  std::string program = {};  // CommandContext::program
};

// Runs what the words (without the program's name) say. Throws nothing. 'stop' is handed to the
// command; 'begin' is called before it begins, with whether it polls 'stop'.
int RunWords(std::span<const std::string> words, const CommandStreams& streams,
             const std::atomic<bool>* stop, const std::function<void(bool)>& begin = {});

}  // namespace linnet

#endif  // LINNET_API_RUN_H_
