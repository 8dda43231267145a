import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cachedFolder } from './cache-folder';
import { onPath, runProgram } from './run-program';

/** The release that the live suites are written for. */
export const KAFKA_VERSION = '4.4.0';

// Kafka 4.4 brings slf4j-api 1.7, so the binding is log4j-slf4j-impl; log4j-slf4j2-impl is for slf4j 2.
const DEPENDENCIES = [
  ['org.apache.kafka', 'kafka_2.13', KAFKA_VERSION],
  ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.1'],
  ['org.apache.logging.log4j', 'log4j-core', '2.25.1'],
] as const;

/** Why the jars cannot be used here, or `undefined` if they can. */
export async function whyNoJars(): Promise<string | undefined> {
  if (!onPath('java')) return 'no java on the PATH';
  if (!onPath('mvn')) return 'no mvn (Maven) on the PATH';
  if (!onPath('openssl')) return 'no openssl on the PATH';
  const version = (await runProgram('java', ['--version'])).toString();
  const major = Number(/\b(\d+)[.\s]/.exec(version)?.[1]);
  return major >= 17 ? undefined : `Java 17 or later is needed, found ${version.split('\n')[0]}`;
}

/** A folder with the jars of Apache Kafka and all they need, fetched once through Maven. */
export function kafkaJars(): Promise<string> {
  return cachedFolder(`kafka-${KAFKA_VERSION}`, async folder => {
    const dependencies = DEPENDENCIES.map(
      ([group, artifact, version]) =>
        `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
    );
    const pom = join(folder, 'pom.xml');
    writeFileSync(
      pom,
      `<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>kafka-run</artifactId>` +
        `<version>1</version><dependencies>${dependencies.join('')}</dependencies></project>`,
    );
    await runProgram('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`], {
      timeoutMs: 600_000,
    });
  });
}
