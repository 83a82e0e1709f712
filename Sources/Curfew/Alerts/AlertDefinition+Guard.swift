extension AlertDefinition {
    /// The alert that every guarded cleanup has without being told: its last run was refused.
    static func ofGuard(on cleanup: String) -> AlertDefinition {
        AlertDefinition(name: "guard:\(cleanup)", cleanup: cleanup, metric: .refused, threshold: 0, severity: .critical)
    }
}
