internal import Glibc

/// Which signals a thread keeps off.
enum SignalMask {
    /// Runs a body with no signal blocked on this thread.
    ///
    /// A child inherits the mask of the thread that starts it, and the threads that Swift's tasks run on block most
    /// signals: a child started from one of them would not hear SIGTERM, and a shell would not hear of the end of its own
    /// children. So whatever starts a process does it in here.
    static func cleared<Value>(_ body: () throws -> Value) rethrows -> Value {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return try body()
    }
}
