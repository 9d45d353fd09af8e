// Runs a model in order to check it.

#include "tools/cli/waiting_threads.h"
#include "tools/evaluate_commands/program.h"

int main(int argc, char** argv) {
  gguf::LetWaitingThreadsSleep(argv);
  return gguf::RunEvaluate(argc, argv);
}
