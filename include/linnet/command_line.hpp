// The command line as a function: what `linnet` does.
#ifndef LINNET_COMMAND_LINE_HPP_
#define LINNET_COMMAND_LINE_HPP_

#include <linnet/export.h>

namespace linnet {

// Runs `linnet argv[1] argv[2] ...`: results on standard output, words and progress on standard
// error. argv[0] is the program, which `linnet time --cold` starts anew. Returns the exit code: 0
// done; 1 internal error; 2 wrong usage; 3 problem in the data; 4 accuracy gate failed; 5 budget
// not reachable; 6 file unreadable or refused; 130 interrupted.
//
// While a verb runs that can be interrupted in good order (train, fit, compress), SIGINT and
// SIGTERM are caught: the first asks it to write what it has (train a checkpoint, fit the best
// network of the winner's training, compress nothing) and end, the second ends the process at once.
// Throws nothing.
LINNET_API int RunCommandLine(int argc, const char* const* argv) noexcept;

}  // namespace linnet

#endif  // LINNET_COMMAND_LINE_HPP_
