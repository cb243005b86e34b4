import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Rewrites the classes of jars that were compiled for Java 5 as classes of Java 8, with stack maps.
 *
 * <p>The JVM does not keep older classes in an AOT cache, and verifies them slowly: for picocli
 * that is 0.2 s of each start of the command. Classes of Java 7 or newer stay as they are.
 */
void main(String[] jars) throws IOException {
  for (String jar : jars) {
    modernize(Path.of(jar));
  }
}

/** Rewrites a jar, unless none of its classes is older. */
void modernize(Path jar) throws IOException {
  try (var classes = new URLClassLoader(new URL[] {jar.toUri().toURL()})) {
    modernize(
        jar,
        ClassFile.of(
            StackMapsOption.GENERATE_STACK_MAPS,
            ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(classes))));
  }
}

void modernize(Path jar, ClassFile classFile) throws IOException {
  var bytes = new ByteArrayOutputStream();
  boolean changed = false;
  try (var in = new ZipInputStream(Files.newInputStream(jar));
      var out = new ZipOutputStream(bytes)) {
    for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
      byte[] old = in.readAllBytes();
      byte[] content = entry.getName().endsWith(".class") ? modernize(old, classFile) : old;
      changed |= content != old;
      var copy = new ZipEntry(entry.getName());
      copy.setTimeLocal(entry.getTimeLocal());
      out.putNextEntry(copy);
      out.write(content);
      out.closeEntry();
    }
  }
  if (changed) {
    Files.write(jar, bytes.toByteArray());
  }
}

/** Returns a class of Java 8 for an older one, else the array itself. */
byte[] modernize(byte[] bytes, ClassFile classFile) {
  ClassModel model = classFile.parse(bytes);
  if (model.majorVersion() >= ClassFile.JAVA_7_VERSION) {
    return bytes;
  }
  // Stack maps are computed for code that is written anew, element by element.
  ClassTransform code = ClassTransform.transformingMethodBodies(CodeBuilder::with);
  return classFile.transformClass(
      model,
      code.andThen(
          ClassTransform.endHandler(builder -> builder.withVersion(ClassFile.JAVA_8_VERSION, 0))));
}
