// How the threads of OpenMP wait for each other.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_WAITING_THREADS_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_WAITING_THREADS_H_

namespace gguf {

// First call in the `main` of a program that runs models; `argv` as `main` got it. A forward pass
// has hundreds of short parallel regions. Threads of libgomp spin for milliseconds between them,
// which takes the cores from threads that have work when a machine is shared (ten times the wall
// time was measured). libgomp reads its settings while it is loaded, so the program starts itself
// again, once, with GOMP_SPINCOUNT=1000. A user's own GOMP_SPINCOUNT or OMP_WAIT_POLICY is left
// alone. Without /proc the program goes on as it is.
void LetWaitingThreadsSleep(char** argv);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_WAITING_THREADS_H_
