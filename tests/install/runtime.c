/* A C program that has only the runtime library: 0 if the file that is no model is refused in
 * words. */
#include <linnet/runtime.h>
#include <string.h>

int main(int argc, char** argv) {
  linnet_net* net;
  return argc == 2 && linnet_net_open(argv[1], NULL, &net) == LINNET_NET_FILE && net == NULL &&
                 strstr(linnet_net_last_error(), argv[1]) != NULL
             ? 0
             : 1;
}
