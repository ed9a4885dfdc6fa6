// The commands there are, by file.
#ifndef LINNET_API_COMMANDS_H_
#define LINNET_API_COMMANDS_H_

#include <vector>

#include "api/command.h"

namespace linnet {

std::vector<Command> NetworkCommands();   // archs, show
std::vector<Command> DataCommands();      // data check, data make
std::vector<Command> TrainCommands();     // train, fit
std::vector<Command> EvalCommands();      // eval, predict
std::vector<Command> TimeCommands();      // time
std::vector<Command> CompressCommands();  // compress
std::vector<Command> ConvertCommands();   // convert

}  // namespace linnet

#endif  // LINNET_API_COMMANDS_H_
