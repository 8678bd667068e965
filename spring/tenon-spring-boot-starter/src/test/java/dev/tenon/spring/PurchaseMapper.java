package dev.tenon.spring;

import org.apache.ibatis.annotations.Insert;
import org.apache.ibatis.annotations.Mapper;
import org.apache.ibatis.annotations.Param;

/** MyBatis' way to the business table. */
@Mapper
interface PurchaseMapper {
  @Insert("INSERT INTO purchase (id, tool) VALUES (#{id}, #{tool})")
  void insert(@Param("id") String id, @Param("tool") String tool);
}
