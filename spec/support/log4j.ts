/** Warnings only, plus the line in which Kafka tells its version: AppInfoParser, whose package differs between releases. */
export const LOG4J_YAML = `Configuration:
  Appenders: {Console: {name: STDOUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}}
  Loggers:
    Root: {level: WARN, AppenderRef: [{ref: STDOUT}]}
    Logger: [{name: org.apache.kafka.common.utils, level: INFO}]
`;
