// The commands there are, by file.
#ifndef LINNET_API_COMMANDS_H_
#define LINNET_API_COMMANDS_H_

#include <vector>

#include "api/command.h"

namespace linnet {

std::vector<Command> NetworkCommands();  // archs, show

}  // namespace linnet

#endif  // LINNET_API_COMMANDS_H_
