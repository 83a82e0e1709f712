package import Curfew
internal import Synchronization

/// The engine in force: it changes when the configuration is read again.
package final class EngineSource: Sendable {
    private let state: Mutex<(engine: Engine, replaced: Int)>

    /// Begins with this engine.
    package init(_ engine: Engine) {
        state = Mutex((engine, 0))
    }

    /// The engine in force now.
    package var current: Engine { state.withLock { $0.engine } }

    /// How often another one was put in force.
    var replaced: Int { state.withLock { $0.replaced } }

    /// Puts another one in force.
    package func replace(with engine: Engine) {
        state.withLock { $0 = (engine, $0.replaced + 1) }
    }
}
