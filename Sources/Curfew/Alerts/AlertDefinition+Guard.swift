extension AlertDefinition {
    /// The built-in alert of every guarded cleanup: its last run was refused.
    static func ofGuard(on cleanup: String) -> AlertDefinition {
        AlertDefinition(name: "guard:\(cleanup)", cleanup: cleanup, metric: .refused, threshold: 0, severity: .critical)
    }
}
